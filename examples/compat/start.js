import { portOf } from '../support/processes.js'
import { apps } from './apps.js'
import { runApp } from './run-app.js'

// node examples/compat/start.js keycloak-js runs both forms of that app.
const name = process.argv[2] ?? 'react-oidc-context'
if (!Object.hasOwn(apps, name)) throw new Error(`The apps are ${Object.keys(apps).join(', ')}.`)
const running = await runApp(name, {
  originalPort: portOf('ORIGINAL_PORT', 8080),
  movedPort: portOf('MOVED_PORT', 8081),
  providerPort: portOf('PROVIDER_PORT', 4000),
  apiPort: portOf('API_PORT', 8082),
})
console.log(`${name} runs as it was at ${running.original}, moved at ${running.moved}. Log in as ada, with any password.`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void running.close())
