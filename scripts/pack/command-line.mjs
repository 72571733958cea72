import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const config = (secret) => `origin: http://127.0.0.1:8080
listen: { host: 127.0.0.1, port: 0 }
provider: { issuer: "http://127.0.0.1:9", clientId: web, clientSecret: not-used-here }
session: { secrets: ["${secret}"], store: { type: embedded, path: ./data } }
routes: [{ path: /api/, upstream: "http://127.0.0.1:9/" }]
`

/** The command of the installed package, as a user types it. */
export async function checkCommandLine({ check, assert, outcome, project, installed, manifest }) {
  // Not by npx, whose child would outlive it where it hangs.
  const bin = join(project, 'node_modules/.bin/coatcheck')
  const coatcheck = (...words) => outcome(process.execPath, [bin, ...words])
  await check('npx coatcheck', async () => {
    const { code, stdout } = await outcome('npx', ['--no-install', 'coatcheck', '--help'])
    assert(code === 0 && stdout.includes('serve'), `exit ${code}, printed ${stdout}`)
  })

  await check('coatcheck --version', async () => {
    const { code, stdout } = await coatcheck('--version')
    assert(code === 0 && stdout.trim() === manifest.version, `exit ${code}, printed ${stdout}`)
    return stdout.trim()
  })
  let secret = ''
  await check('coatcheck secret makes a new secret each time', async () => {
    const [first, second] = [await coatcheck('secret'), await coatcheck('secret')]
    secret = first.stdout.trim()
    assert(
      first.code === 0 && /^[\w+/=-]{43,}$/.test(secret) && secret !== second.stdout.trim(),
      `exit ${first.code}, printed ${first.stdout}${first.stderr}`,
    )
  })
  await check('coatcheck check lists every problem of a bad config and ends with 2', async () => {
    writeFileSync(join(project, 'bad.yaml'), 'origin: nonsense\nroutes: [{ path: /, upstrem: "http://127.0.0.1:9/" }]\n')
    const { code, stdout, stderr } = await coatcheck('check', '-c', 'bad.yaml')
    const said = stdout + stderr
    const missing = ['origin', 'provider', 'session', 'routes[0]', 'upstream'].filter((word) => !said.includes(word))
    assert(code === 2 && missing.length === 0, `exit ${code}, without ${missing.join(', ')}:\n${said}`)
  })
  await check('coatcheck serve refuses the same config', async () => {
    const { code } = await coatcheck('serve', '-c', 'bad.yaml')
    assert(code === 2, `exit ${code}`)
  })
  await check('coatcheck dev says how to get the local provider', async () => {
    const { code, stdout, stderr } = await coatcheck(
      'dev',
      '--upstream',
      '/api/=http://127.0.0.1:9/',
      '--port',
      '0',
      '--provider-port',
      '0',
    )
    assert(code === 1 && (stdout + stderr).includes('npm i -D oidc-provider'), `exit ${code}:\n${stdout}${stderr}`)
  })
  await check('coatcheck serve answers and ends on SIGTERM', async () => {
    writeFileSync(join(project, 'coatcheck.yaml'), config(secret))
    await serveOnce({ assert, project, installed, manifest })
  })
}

async function serveOnce({ assert, project, installed, manifest }) {
  const child = spawn(process.execPath, [join(installed, manifest.bin.coatcheck), 'serve', '-c', 'coatcheck.yaml'], {
    cwd: project,
  })
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)))
  let said = ''
  const address = new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said += chunk
      // The origin is printed as well, with the port the app is known by; the bound port is another one.
      const port = [...said.matchAll(/127\.0\.0\.1:(\d+)|"port":(\d+)/g)]
        .map((match) => match[1] ?? match[2])
        .find((found) => !['0', '9', '8080'].includes(found))
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    void ended.then((code) => reject(new Error(`ended with ${code} before it listened:\n${said}`)))
    setTimeout(() => reject(new Error(`no address within 20 s:\n${said}`)), 20_000).unref()
  })
  try {
    const response = await fetch(`${await address}/bff/session`)
    const body = await response.text()
    assert(response.status === 200 && body === '{"authenticated":false}', `answered ${response.status} ${body}`)
    child.kill('SIGTERM')
    const code = await ended
    assert(code === 0, `ended with ${code}:\n${said}`)
  } finally {
    child.kill('SIGKILL')
  }
}
