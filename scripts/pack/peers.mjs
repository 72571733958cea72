import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Where an optional peer is used and not there, the words say how to get it. */
const uses = [
  [
    'ioredis',
    `(await import('coatcheck/stores/redis')).createRedisStore({ url: 'redis://127.0.0.1:9' }).check()`,
    'npm install ioredis',
  ],
  [
    'pg',
    `(await import('coatcheck/stores/postgres')).createPostgresStore({ url: 'postgres://127.0.0.1:9/x' }).check()`,
    'npm install pg',
  ],
  ['oidc-provider', `(await import('coatcheck/dev')).startDevProvider({ clients: [] })`, 'oidc-provider'],
]

export async function checkPeers({ check, assert, project }) {
  for (const [peer, use, words] of uses) {
    await check(`without ${peer}, its use says how to get it`, async () => {
      const told = 'for (let e = error; e; e = e.cause) console.log(e.message)'
      const script = `try { await ${use}; console.log('nothing said') } catch (error) { ${told} } process.exit()`
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project, timeout: 60_000 })
      assert(stdout.includes(words), `it said: ${stdout}`)
      return stdout.split('\n', 1)[0]
    })
  }
}
