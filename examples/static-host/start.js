import { ordersApi } from '../support/local-provider.js'
import { portOf, runTogether } from '../support/processes.js'

// The page on a host of its own, the API on another, and `coatcheck dev` in front of both.
const folder = import.meta.dirname
const port = portOf('PORT', 8080)
const providerPort = portOf('PROVIDER_PORT', 4000)
const apiPort = portOf('API_PORT', 8082)
const hostPort = portOf('HOST_PORT', 8083)

runTogether([
  ordersApi({ folder, port: apiPort, issuer: `http://127.0.0.1:${providerPort}` }),
  { name: 'The static host', command: process.execPath, words: ['static-host.js', `${hostPort}`, '../page'], cwd: folder },
  {
    name: 'Coatcheck',
    command: process.execPath,
    words: ['node_modules/coatcheck/dist/cli/bin.js', 'dev', '-c', 'coatcheck.yaml'].concat(
      ['--port', `${port}`],
      ['--provider-port', `${providerPort}`],
    ),
    cwd: folder,
    env: { API_URL: `http://127.0.0.1:${apiPort}/`, STATIC_HOST_URL: `http://127.0.0.1:${hostPort}/` },
  },
])
