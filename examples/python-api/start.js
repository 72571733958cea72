import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { portOf, runTogether } from '../support/processes.js'

// Coatcheck and a local provider, by `coatcheck dev`; the API is Python, with PyJWT in an environment of its own.
const folder = import.meta.dirname
const port = portOf('PORT', 8080)
const providerPort = portOf('PROVIDER_PORT', 4000)
const apiPort = portOf('API_PORT', 8000)
const python = `${folder}/.venv/bin/python`

if (!existsSync(`${folder}/.venv/ready`)) {
  execFileSync('python3', ['-m', 'venv', '--clear', '.venv'], { cwd: folder, stdio: 'inherit' })
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'], {
    cwd: folder,
    stdio: 'inherit',
  })
  execFileSync('touch', [`${folder}/.venv/ready`])
}

const issuer = `http://127.0.0.1:${providerPort}`
runTogether([
  {
    name: 'The API',
    command: python,
    words: ['api.py'],
    cwd: folder,
    env: { PORT: String(apiPort), ISSUER: issuer, AUDIENCE: 'https://orders.example.com' },
  },
  {
    name: 'Coatcheck',
    command: process.execPath,
    words: ['node_modules/coatcheck/dist/cli/bin.js', 'dev', '-c', 'coatcheck.yaml', '--port', `${port}`].concat(
      '--provider-port',
      `${providerPort}`,
    ),
    cwd: folder,
    env: { API_URL: `http://127.0.0.1:${apiPort}/` },
  },
])
