import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { startDevProvider } from 'coatcheck/dev'
import { ordersApi, startLocalProvider } from '../support/local-provider.js'
import { portOf, runTogether } from '../support/processes.js'

// A local provider, the API, and Next.js with Coatcheck inside. What stands in `env` is in the environment in production.
const folder = import.meta.dirname
const next = 'node_modules/next/dist/bin/next'
const quiet = { NEXT_TELEMETRY_DISABLED: '1' }
const words = process.argv.slice(2)

// No secret is at hand while this builds.
if (words.includes('--build') || !(words.includes('--dev') || existsSync(`${folder}/.next/BUILD_ID`)))
  execFileSync(process.execPath, [next, 'build'], { cwd: folder, stdio: 'inherit', env: { ...process.env, ...quiet } })

if (!words.includes('--build')) {
  const port = portOf('PORT', 3000)
  const apiPort = portOf('API_PORT', 8082)
  const provider = await startLocalProvider(startDevProvider, {
    origin: `http://localhost:${port}`,
    port: portOf('PROVIDER_PORT', 4000),
    accessTokenTtlSeconds: Number(process.env.TOKEN_SECONDS ?? 300),
  })
  runTogether(
    [
      ordersApi({ folder, port: apiPort, issuer: provider.env.ISSUER }),
      {
        name: 'Next.js',
        command: process.execPath,
        words: [next, words.includes('--dev') ? 'dev' : 'start', '--port', `${port}`, '--hostname', 'localhost'],
        cwd: folder,
        env: { API_URL: `http://127.0.0.1:${apiPort}/`, ...process.env, ...provider.env, ...quiet },
      },
    ],
    () => provider.close(),
  )
}
