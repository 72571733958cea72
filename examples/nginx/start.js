import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { startDevProvider } from 'coatcheck/dev'
import { ordersApi, startLocalProvider } from '../support/local-provider.js'
import { nginxProgram } from '../support/nginx.js'
import { portOf, runTogether } from '../support/processes.js'

// nginx in front, Coatcheck beside it, the API behind. The ports of the files are replaced where others are asked for.
const folder = import.meta.dirname
const run = `${folder}/.run`
const port = portOf('PORT', 8080)
const gatewayPort = portOf('GATEWAY_PORT', 8081)
const apiPort = portOf('API_PORT', 8082)

const provider = await startLocalProvider(startDevProvider, {
  origin: `http://localhost:${port}`,
  port: portOf('PROVIDER_PORT', 4000),
})

mkdirSync(`${run}/temp`, { recursive: true })
cpSync(`${folder}/../page`, `${run}/page`, { recursive: true })
const withPorts = (name) => {
  const text = readFileSync(`${folder}/${name}`, 'utf8').replaceAll('8080', `${port}`).replaceAll('8081', `${gatewayPort}`)
  writeFileSync(`${run}/${name}`, text)
}
withPorts('nginx.conf')
withPorts('coatcheck.yaml')

runTogether(
  [
    ordersApi({ folder, port: apiPort, issuer: provider.env.ISSUER }),
    {
      name: 'Coatcheck',
      command: process.execPath,
      words: ['node_modules/coatcheck/dist/cli/bin.js', 'serve', '-c', '.run/coatcheck.yaml'],
      cwd: folder,
      env: { ...provider.env, API_URL: `http://127.0.0.1:${apiPort}/` },
    },
    {
      name: 'nginx',
      command: nginxProgram(`${folder}/.cache`),
      // One process in the foreground, so that it ends with the others and needs no user of its own.
      words: ['-p', run, '-c', 'nginx.conf', '-e', 'stderr', '-g', 'daemon off; master_process off;'],
      cwd: run,
    },
  ],
  () => provider.close(),
)
console.log(`nginx runs at http://localhost:${port}`)
