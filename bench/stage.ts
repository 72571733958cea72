import { request } from 'undici'
import { login } from './login.ts'
import type { Running } from './scenarios.ts'
import type { Servers } from './server.ts'
import type { Surroundings } from './surroundings.ts'
import type { Target } from './targets.ts'

/** Starts a target on its port and logs in where it has a login. */
export async function startRunning(servers: Servers, target: Target, port: number, around: Surroundings): Promise<Running> {
  const { name, loginPath, core = '0' } = target
  const origin = `http://127.0.0.1:${port}`
  const pid = await servers.start({ name, core, ...target.program(port, around) }, port)
  const cookie = loginPath === undefined ? undefined : await login(origin + loginPath, around.issuer)
  const isCoatcheck = loginPath?.startsWith('/bff') === true
  return {
    name,
    origin,
    pid,
    issuer: around.issuer,
    loginPath,
    prefix: loginPath === undefined ? '/open' : '/api',
    headers: {
      ...(cookie === undefined ? {} : { Cookie: cookie }),
      ...(isCoatcheck && cookie !== undefined ? { 'X-CSRF-Token': await csrfToken(origin, cookie) } : { 'X-CSRF': '1' }),
    },
  }
}

async function csrfToken(origin: string, cookie: string): Promise<string> {
  const { body } = await request(`${origin}/bff/session`, { headers: { cookie, 'sec-fetch-site': 'same-origin' } })
  const { csrfToken: token } = (await body.json()) as { csrfToken?: string }
  if (token === undefined) throw new Error(`there is no session at ${origin}`)
  return token
}
