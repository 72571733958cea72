import { portOf, runTogether } from '../support/processes.js'
import { pythonWithJwt } from './python.js'

// Coatcheck and a local provider, by `coatcheck dev`; the API is Python, with PyJWT.
const folder = import.meta.dirname
const port = portOf('PORT', 8080)
const providerPort = portOf('PROVIDER_PORT', 4000)
const apiPort = portOf('API_PORT', 8000)
const python = pythonWithJwt()

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
