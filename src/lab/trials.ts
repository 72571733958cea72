import type { ApiCall } from './api.ts'
import { appTitles, attackerUser, bankTitles, type BankName } from './places.ts'
import type { Exchange } from './wire.ts'
import type { Sighting } from './witness.ts'

/** What the lab's servers saw and what the attacker's machine got. */
export interface Evidence {
  readonly sightings: readonly Sighting[]
  readonly apiCalls: readonly ApiCall[]
  readonly exchanges: readonly Exchange[]
}

/** What one attack came to, by the statuses alone. */
export interface Verdict {
  readonly what: string
  readonly statuses: readonly number[]
  readonly isTaken: boolean
  /** The exchanges behind the statuses. */
  readonly raw: readonly string[]
}

/** One attack on one bank. */
export interface Trial {
  readonly id: string
  readonly attack: string
  /** What is attacked, by its switch: the first of an attack has every defence on. */
  readonly setting: string
  readonly bank: BankName
  readonly judge: (evidence: Evidence) => Verdict | undefined
}

const pathOf = ({ url }: Sighting) => url.split('?', 1)[0]
const rawOf = ({ head, status }: Sighting) => `${head}\n\n${status}`
/** A success of the attacker where the last status is 200, if nothing else is said. */
function verdict(what: string, seen: readonly Sighting[], isTaken = seen.at(-1)?.status === 200): Verdict {
  return { what, statuses: seen.map(({ status }) => status), isTaken, raw: seen.map(rawOf) }
}

function forgery(attack: string, hostOf: (bank: BankName) => string, banks: readonly BankName[]): Trial[] {
  return banks.map((bank) => ({
    id: `${attack}: ${bank}`,
    attack,
    setting: bankTitles[bank],
    bank,
    judge({ sightings }) {
      const seen = sightings.findLast(
        (one) => one.host === bank && one.from === hostOf(bank) && one.method === 'POST' && pathOf(one) === '/api/transfers',
      )
      return seen && verdict(`transfer ${seen.hasSession ? 'with' : 'without'} the cookie`, [seen])
    },
  }))
}

/** Cross-site request forgery from a foreign site, and from a subdomain of the bank's own site. */
export const foreignForgeries = forgery('CSRF from a foreign site', () => 'evil', [
  'bff',
  'loose',
  'no-samesite',
  'no-csrf',
  'no-both',
])
export const siblingForgeries = forgery('CSRF from a sibling', (bank) => `x.${bank}`, [
  'bff',
  'loose',
  'no-samesite',
  'no-csrf',
  'no-both',
])

/** Login CSRF: what the victim's browser gets from the API after it followed the attacker's link. */
export const loginForgeries: readonly Trial[] = (['bff', 'no-binding'] as const).map((bank) => ({
  id: `login CSRF: ${bank}`,
  attack: 'login CSRF',
  setting: bankTitles[bank],
  bank,
  judge({ sightings, apiCalls }) {
    const lured = sightings.findLastIndex((one) => one.host === bank && pathOf(one) === '/bff/callback' && one.from === 'evil')
    const next = sightings.slice(lured + 1).find((one) => one.host === bank && pathOf(one) === '/api/account')
    if (lured === -1 || next === undefined) return undefined
    const user = apiCalls.findLast(({ client, path }) => client === bank && path === '/api/account')?.user
    const isTaken = next.status === 200 && user === attackerUser
    return verdict(isTaken ? 'in the account of the attacker' : 'not logged in', [next], isTaken)
  },
}))

export const copiedTitle = (bank: BankName) => `${bank}: copied cookie`
export const copiedLateTitle = (bank: BankName) => `${bank}: copied cookie, after logout`

function machine(attack: string, setting: string, bank: BankName, what: string, ...titles: readonly string[]): Trial {
  return {
    id: `${attack}: ${setting}`,
    attack,
    setting,
    bank,
    judge({ exchanges }) {
      const found = titles.flatMap((title) => exchanges.findLast((one) => one.title === title) ?? [])
      if (found.length < titles.length) return undefined
      return {
        what,
        statuses: found.map(({ status }) => status),
        isTaken: found.at(-1)?.status === 200,
        raw: found.map(({ request, status, response }) => `${request}\n\n${status}\n${response}`),
      }
    },
  }
}

/** The same copied cookie before and after the logout. */
export const logouts: readonly Trial[] = (['bff', 'no-logout'] as const).map((bank) =>
  machine('copied cookie, then logout', bankTitles[bank], bank, 'account', copiedTitle(bank), copiedLateTitle(bank)),
)

export const carefulTitle = `bff: ${attackerUser} asks for the account of somebody else`
export const carelessTitle = `${carefulTitle}, of the careless API`
export const authorizations: readonly Trial[] = [
  machine("somebody else's account", 'API that asks whose account it is', 'bff', 'account', carefulTitle),
  machine("somebody else's account", 'API that forgot to ask', 'bff', 'account', carelessTitle),
]

export const scriptCookieTitle = 'bff: the cookie as script sees it'
/** What a script can do with cookies, and what somebody on the machine can. */
export const cookies: readonly Trial[] = [
  machine('document.cookie, replayed', bankTitles.bff, 'bff', 'account', scriptCookieTitle),
  machine('cookie copied from the machine', bankTitles.bff, 'bff', 'account', copiedTitle('bff')),
  machine('the same cookie, after logout', bankTitles.bff, 'bff', 'account', copiedLateTitle('bff')),
]

/** What the browser itself sends along with a call. */
export const headers: readonly Trial[] = (
  [
    ['proxy', 'Reverse proxy'],
    ['bff', 'BFF (Coatcheck)'],
  ] as const
).map(([host, setting]) => ({
  id: `what the browser sends: ${host}`,
  attack: 'what the browser sends',
  setting,
  bank: 'bff',
  judge({ sightings }) {
    const call = lastCall(sightings, host)
    if (call === undefined) return undefined
    return verdict(call.hasBearer ? 'the access token' : 'a cookie, no token', [call], call.hasBearer)
  },
}))

/** The last call of a page to its own API path that was let in. */
export function lastCall(sightings: readonly Sighting[], host: string): Sighting | undefined {
  return sightings.findLast((one) => one.host === host && pathOf(one)?.startsWith('/api/') === true && one.status === 200)
}

/** Riding, and what limits it. */
export const ridings: readonly Trial[] = [
  {
    id: 'riding: no policy',
    attack: 'script injected into the page',
    setting: 'page without a policy',
    bank: 'bff',
    judge({ sightings }) {
      const loaded = sightings.findLast((one) => one.host === 'evil' && one.url === '/payload.js?page=bff')
      const rode = sightings.findLast((one) => one.host === 'bff' && one.from === 'bff' && pathOf(one) === '/api/transfers')
      return loaded && rode && verdict('script, transfer', [loaded, rode])
    },
  },
  {
    id: 'riding: policy',
    attack: 'script injected into the page',
    setting: "page with Content-Security-Policy: script-src 'self'",
    bank: 'bff',
    judge({ sightings }) {
      const loaded = sightings.findLast((one) => one.host === 'evil' && one.url === '/payload.js?page=strict')
      if (loaded !== undefined) return verdict('script', [loaded])
      const report = sightings.findLast((one) => one.host === 'lab' && pathOf(one) === '/csp-report')
      return report && verdict('never fetched; the browser reported it', [report])
    },
  },
  {
    id: 'riding: step-up',
    attack: 'transfer by the script',
    setting: 'route that requires a step-up',
    bank: 'step-up',
    judge: ({ sightings }) => stepUpTransfer(sightings, 'before'),
  },
  {
    id: 'riding: stepped up',
    attack: 'transfer by the script',
    setting: 'the same, once the user has stepped up',
    bank: 'step-up',
    judge: ({ sightings }) => stepUpTransfer(sightings, 'after'),
  },
]

function stepUpTransfer(sightings: readonly Sighting[], when: 'before' | 'after'): Verdict | undefined {
  const steppedUp = sightings.findIndex((one) => one.host === 'step-up' && one.url.includes('acrValues=step-up'))
  const seen = sightings.findLast(
    (one, index) =>
      one.host === 'step-up' &&
      one.method === 'POST' &&
      pathOf(one) === '/api/transfers' &&
      (steppedUp === -1 || index < steppedUp) === (when === 'before'),
  )
  return seen && verdict('transfer', [seen])
}

/** A service worker: whether its script was given, and whether it told of a later visit. */
export const workers: readonly Trial[] = (['bff', 'loose'] as const).map((bank) => ({
  id: `service worker: ${bank}`,
  attack: 'service worker installed by the script',
  setting: bank === 'bff' ? 'serviceWorkers: [] (the default)' : 'serviceWorkers: [/worker.js]',
  bank,
  judge({ sightings }) {
    const asked = sightings.findLast((one) => one.host === bank && one.isWorker)
    if (asked === undefined) return undefined
    const told = sightings.findLast((one) => one.host === 'collector' && one.url === `/worker?bank=${bank}`)
    const isTaken = asked.status === 200 && told !== undefined
    return verdict(isTaken ? 'script, report of the next visit' : 'script', told === undefined ? [asked] : [asked, told], isTaken)
  },
}))

/** A false login form drawn by the script: whether what was typed came home. */
export const phishings: readonly Trial[] = [
  {
    id: 'phishing',
    attack: 'false login form drawn by the script',
    setting: 'page without a policy',
    bank: 'bff',
    judge({ sightings }) {
      const home = sightings.findLast((one) => one.host === 'collector' && one.url === '/phish')
      return home && verdict('what was typed came home', [home], true)
    },
  },
]

/** What the app's own calls came to at the API, before the migration and after it. "Taken" would be that it does not work. */
export const stillWorks: readonly Trial[] = (['ls', 'bff'] as const).map((app) => ({
  id: `still works: ${app}`,
  attack: 'no attack: reading and sending',
  setting: appTitles[app],
  bank: 'bff',
  judge({ apiCalls }) {
    const last = (wanted: string) => apiCalls.findLast(({ client, path }) => client === app && path === wanted)
    const calls = [last('/api/account') ?? [], last('/api/transfers') ?? []].flat()
    if (calls.length < 2) return undefined
    return {
      what: 'read, send',
      statuses: calls.map(({ status }) => status),
      isTaken: calls.some(({ status }) => status !== 200),
      raw: calls.map(
        ({ method, path, client, user, status }) => `${method} ${path}\ntoken of ${client} for ${user}\n\n${status}`,
      ),
    }
  },
}))

/** Everything beside the matrix, by exhibit. */
export const trialsByExhibit = {
  proxy: headers,
  cookies,
  everything: [...foreignForgeries, ...siblingForgeries, ...loginForgeries, ...logouts, ...authorizations],
  'still-works': stillWorks,
  'not-solved': [...ridings, ...phishings, ...workers],
} as const satisfies Readonly<Record<string, readonly Trial[]>>

export const allTrials: readonly Trial[] = Object.values(trialsByExhibit).flat()

/** The trials as a Markdown table; bold is a success of the attacker. */
export function trialsMarkdown(trials: readonly Trial[], evidence: Evidence): string {
  return [
    '| attack | against | what came of it |',
    '| --- | --- | --- |',
    ...trials.map((trial) => {
      const found = trial.judge(evidence)
      const told = found === undefined ? 'not tried' : `${found.what}: ${found.statuses.join(', ')}`
      return `| ${trial.attack} | ${trial.setting} | ${found?.isTaken === true ? `**${told}**` : told} |`
    }),
  ].join('\n')
}
