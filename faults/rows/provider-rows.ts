import { setTimeout as delay } from 'node:timers/promises'
import type { ScriptedAnswer } from '../../test/support/provider-call.ts'
import type { Row, Scene } from '../row.ts'

/** The browser cannot reach the provider either, so a login may end there. */
const providerDown = { outcomes: { refresh: ['503 provider'], login: ['503 provider', 'provider: '] } }
const onlyGrace = (subject: string) => subject === 'user-grace' || subject === 'user-mallory'

function expectNoReuse({ stage, findings }: Scene): void {
  const { reuseDetected } = stage.provider
  if (reuseDetected > 0) findings.wrong.push(`${reuseDetected} refresh tokens were used twice`)
}

/** The token endpoint gives these answers, each for a while, and rotates nothing. */
async function answerInTurn({ stage }: Scene, answers: readonly ScriptedAnswer[], eachMs: number): Promise<void> {
  for (const answer of answers) {
    stage.tokenFault = () => Promise.resolve(answer)
    await delay(eachMs)
  }
}

const html = { headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }
const troubles: readonly ScriptedAnswer[] = [
  { status: 429, headers: { 'retry-after': '7' }, body: { error: 'slow_down' } },
  { status: 500, body: { error: 'server_error' } },
  { status: 502, ...html },
  { status: 200, ...html },
  { status: 200, headers: { 'content-type': 'application/json' }, body: '{"access_token":"eyJ' },
  { status: 200, body: ['not', 'an', 'object'] },
]

export const providerRows: readonly Row[] = [
  {
    id: 'R14',
    fault: 'The provider is down when the gateway starts, and comes 3 s later.',
    expected: 'It starts and is ready; live sessions are served; logins answer 503; discovery goes on in the background.',
    stores: ['redis'],
    isAtBoot: true,
    allowed: providerDown,
    begin: async ({ stage, findings }) => {
      await stage.node().process.kill()
      await stage.provider.stop()
      await stage.start(0)
      const { ready } = await stage.look()
      if (ready !== 200) findings.collateral.push(`/ready says ${ready} without the provider`)
    },
    end: ({ stage }) => stage.provider.start(),
  },
  {
    id: 'R15',
    fault: 'The provider is down for 6 s under load.',
    expected: 'Valid tokens go on; a due refresh is 503 and its session stays; no refresh token is used twice on the return.',
    stores: ['redis', 'postgres'],
    faultMs: 6_000,
    allowed: providerDown,
    begin: ({ stage }) => stage.provider.stop(),
    end: ({ stage }) => stage.provider.start(),
    verify: async (scene) => expectNoReuse(scene),
  },
  {
    id: 'R16 token',
    deadlines: { providerSeconds: 3 },
    fault: 'The token endpoint takes 30 s, for 6 s. The deadline is set to 3 s.',
    expected: '503 at the deadline; other sessions and routes do not notice; callers do not pile up.',
    stores: ['redis'],
    faultMs: 6_000,
    allowed: {
      outcomes: { refresh: ['503 provider'], login: ['503 provider'] },
      p99Ms: { api: 500, refresh: 4_000, login: 4_500 },
    },
    begin: async ({ stage }) => {
      stage.tokenFault = () => Promise.resolve({ hang: true })
    },
    end: async ({ stage }) => {
      stage.tokenFault = undefined
    },
    verify: async (scene) => expectNoReuse(scene),
  },
  {
    id: 'R16 keys',
    deadlines: { providerSeconds: 3 },
    fault: 'The provider signs with a new key, and its key set takes 30 s, for 6 s. The deadline is set to 3 s.',
    expected: 'Logins are 503 at the deadline; refreshes keep their old ID token and go on.',
    stores: ['redis'],
    faultMs: 6_000,
    allowed: {
      outcomes: { refresh: ['503 provider'], login: ['503 provider'] },
      p99Ms: { api: 500, refresh: 5_000, login: 5_000 },
    },
    begin: async ({ stage }) => {
      stage.provider.override('jwks', { hang: true })
      stage.provider.rotateKeys()
    },
    end: async ({ stage }) => stage.provider.override('jwks', undefined),
    verify: async (scene) => expectNoReuse(scene),
  },
  {
    id: 'R17',
    fault: 'The token endpoint answers 429, 500, an HTML 502, an HTML 200, cut JSON and JSON of another type, 0.7 s each.',
    expected: 'A clean 503 with Retry-After, and nothing of the answer is kept.',
    stores: ['redis'],
    faultMs: 0,
    allowed: { outcomes: { refresh: ['503 provider'], login: ['503 provider'] } },
    begin: (scene) => answerInTurn(scene, troubles, 700),
    end: async ({ stage }) => {
      stage.tokenFault = undefined
    },
    verify: async (scene) => expectNoReuse(scene),
  },
  {
    id: 'R18',
    fault: 'The provider rotates three refresh tokens and resets the connection before it answers.',
    expected: 'At most one try more; refused then, the session ends once and cleanly. Nobody else is touched.',
    stores: ['redis', 'postgres'],
    faultMs: 2_500,
    mayEnd: onlyGrace,
    allowed: { outcomes: { refresh: ['503 provider', '401 session_required'] } },
    begin: async ({ stage }) => {
      let left = 3
      stage.tokenFault = async (call, work) => {
        if (call.form.get('grant_type') !== 'refresh_token' || left === 0) return undefined
        left -= 1
        await work()
        return { reset: 'before' }
      }
    },
    end: async ({ stage }) => {
      stage.tokenFault = undefined
    },
    verify: async ({ load, findings, stage }) => {
      if (load.endedSessions > 3) findings.wrong.push(`${load.endedSessions} sessions ended over 3 lost answers`)
      if (stage.provider.reuseDetected > 6) findings.collateral.push('a refused refresh token was tried again and again')
    },
  },
  {
    id: 'R19',
    fault: 'The provider drops its signing key for a new one, and its key set is down for 3 s right after.',
    expected: 'Known keys stay in use; an unknown one costs few guarded fetches; logins work again without a restart.',
    stores: ['redis'],
    allowed: { outcomes: { login: ['503 provider'] } },
    begin: async ({ stage }) => {
      stage.provider.override('jwks', { reset: 'before' })
      stage.provider.rotateKeys({ keepOld: false })
    },
    end: async (scene) => {
      const { stage, findings } = scene
      findings.seen.push(`fetches of the key set in 3 s: ${stage.provider.calls.jwks.length - 1}`)
      if (stage.provider.calls.jwks.length > 7)
        findings.collateral.push(`${stage.provider.calls.jwks.length} fetches of the key set`)
      stage.provider.override('jwks', undefined)
    },
    verify: async (scene) => expectNoReuse(scene),
  },
]
