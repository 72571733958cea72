import { ordersApi, startLocalProvider } from './local-provider.js'
import { portOf, runTogether } from './processes.js'

/**
 * Runs the `app.js` of a folder, which has Coatcheck inside, with a local provider and the API of the examples. What the
 * app reads from the environment is what it would read there in production.
 */
export async function startEmbedded(folder, startDevProvider) {
  const port = portOf('PORT', 8080)
  const apiPort = portOf('API_PORT', 8082)
  const origin = `http://localhost:${port}`
  const provider = await startLocalProvider(startDevProvider, { origin, port: portOf('PROVIDER_PORT', 4000) })
  const env = { ...provider.env, PORT: `${port}`, API_URL: `http://127.0.0.1:${apiPort}/` }
  runTogether(
    [
      ordersApi({ folder, port: apiPort, issuer: provider.env.ISSUER }),
      { name: 'The app', command: process.execPath, words: ['app.js'], cwd: folder, env },
    ],
    () => provider.close(),
  )
  console.log(`The app runs at ${origin}`)
}
