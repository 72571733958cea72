import type { BffClient, BffClientOptions, BffEvent, BffEventName, LoginOptions, Session, Snapshot } from './types.ts'

export type * from './types.ts'

/** The page warns of the end of a session this long before. */
const warningMs = 60_000

/** Makes the one client of a page. It holds the user's claims and a CSRF token, and never an access token. */
export function createBffClient({ base = '/bff', csrf = 'token', onUnauthorized = 'event' }: BffClientOptions = {}): BffClient {
  const events = new EventTarget()
  let session: Snapshot
  let subject: string | undefined
  let pending: Promise<Session | null> | undefined
  let renewal: Promise<boolean> | undefined
  let popup: Promise<boolean> | undefined
  let finishPopup: ((loggedIn: boolean) => void) | undefined
  let tokenBefore: string | undefined
  /** What another tab said: `login`, `logout`, `expired`, or `load` of a page that has a session. */
  let told: string | undefined
  let refused = false
  /** How far the server's clock is ahead of this one. */
  let skewMs = 0
  let warnedOfMs = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let channel: BroadcastChannel | undefined

  const emit = (type: BffEventName, userChanged = false) =>
    events.dispatchEvent(new CustomEvent<BffEvent>(type, { detail: { type, session, userChanged } }))

  const schedule = () => {
    clearTimeout(timer)
    if (!session) return
    const endsMs = Math.min(Date.parse(session.idleExpiresAt), Date.parse(session.expiresAt))
    const leftMs = endsMs - Date.now() - skewMs
    const isSoon = leftMs <= warningMs
    if (isSoon && warnedOfMs !== endsMs) {
      warnedOfMs = endsMs
      emit('expiring')
    }
    // Longer delays than 24 days would be none.
    timer = setTimeout(look, Math.min(Math.max(isSoon ? leftMs + 1000 : leftMs - warningMs, 5000), 2e9))
  }

  const settle = (answer: Session | null) => {
    const last = session
    const userChanged = !!answer && !!subject && subject !== answer.user.sub
    // The same object as long as it says the same: what is drawn from it need not be drawn again.
    const next =
      answer && last && JSON.stringify(answer.user) === JSON.stringify(last.user) ? { ...answer, user: last.user } : answer
    if (JSON.stringify(next) !== JSON.stringify(last)) {
      session = next
      if (next) subject = next.user.sub
      emit('change')
      if (next && (last === null || userChanged || told === 'login')) emit('login', userChanged)
      if (!next && (last || refused)) emit(told === 'logout' ? told : 'expired')
      // Names only; who hears them asks the gateway. A tab that was told itself need not pass it on.
      if (!told && (next ? last === undefined : last)) channel?.postMessage(next ? 'load' : 'expired')
    }
    if (next && (told === 'login' || next.csrfToken !== tokenBefore)) finishPopup?.(true)
    told = undefined
    refused = false
  }

  const check = (): Promise<Session | null> =>
    (pending ??= (async () => {
      try {
        const response = await fetch(`${base}/session`, { cache: 'no-store' })
        const answer: unknown = response.ok && (await response.json())
        const { authenticated } = answer as { authenticated?: unknown }
        // An outage, or a page in place of an answer: neither says that somebody is logged out.
        if (authenticated !== true && authenticated !== false)
          throw Object.assign(new Error(`${base}/session: ${response.status}`), { status: response.status })
        skewMs = (Date.parse(response.headers.get('date') ?? '') || Date.now()) - Date.now()
        settle(authenticated ? (answer as Session) : null)
        return session ?? null
      } finally {
        pending = undefined
        schedule()
      }
    })())

  const look = () => void check().catch(() => undefined)

  const loginUrl = (options: LoginOptions) => {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(options)) if (value !== undefined) query.set(name, String(value))
    return `${base}/login?${query.toString()}`
  }

  const loginPopup: BffClient['loginPopup'] = (options) => {
    const url = loginUrl({ ...options, returnTo: `${base}/popup-done` })
    if (!open(url, 'coatcheck', 'popup,width=480,height=640')) return Promise.resolve(false)
    return (popup ??= new Promise((resolve) => {
      tokenBefore = session?.csrfToken
      // The window may be cut off from this one (COOP), so neither can ask the other. It speaks to the channel at its end.
      const poll = setInterval(look, 3000)
      const limit = setTimeout(() => finishPopup?.(false), 300_000)
      finishPopup = (loggedIn) => {
        clearInterval(poll)
        clearTimeout(limit)
        popup = finishPopup = undefined
        resolve(loggedIn)
      }
    }))
  }

  const renew = () =>
    (renewal ??= (async () => {
      try {
        return await (typeof onUnauthorized === 'function' ? onUnauthorized() : loginPopup())
      } finally {
        renewal = undefined
      }
    })())

  const send = async (request: Request) => {
    const { headers, method } = request
    if (csrf === 'header') headers.set('X-CSRF', '1')
    if (csrf === 'token' && !/^(GET|HEAD|OPTIONS)$/.test(method)) {
      const known = session ?? (await check())
      if (known) headers.set('X-CSRF-Token', known.csrfToken)
    }
    return fetch(request)
  }

  const call: BffClient['fetch'] = async (input, init) => {
    const request = new Request(input, init)
    const { origin } = new URL(request.url)
    if (origin !== location.origin)
      throw new TypeError(`${origin} is another origin. Call the proxied path of this one, as in fetch('/api/...').`)
    const spare = onUnauthorized === 'event' ? undefined : request.clone()
    const before = subject
    const response = await send(request)
    // The mark of the gateway's own 401, which no API can set: the call did not get further, so it may be repeated.
    if (response.status !== 401 || response.headers.get('www-authenticate') !== 'BffSession') return response
    refused = true
    let now = await check().catch(() => undefined)
    if (spare && now === null && (await renew())) now = await check().catch(() => undefined)
    // What one user began is not finished as another one.
    return spare && now && (before ?? now.user.sub) === now.user.sub ? send(spare) : response
  }

  // Not on a server, which renders for many users.
  if (typeof document === 'object') {
    channel = new BroadcastChannel(`coatcheck${base}`)
    channel.onmessage = ({ data }: MessageEvent<string>) => {
      const ask = () => {
        told = data
        // A hidden tab asks when it is shown.
        if (!document.hidden || popup) look()
      }
      // An answer on its way may be older than the news.
      void Promise.resolve(pending).then(ask, ask)
    }
    document.addEventListener('visibilitychange', () => document.hidden || look())
    // Out of the back-forward cache: the page shows what was true when it was left.
    addEventListener('pageshow', (event) => event.persisted && look())
  }

  return {
    user: async () => (await check())?.user ?? null,
    session: check,
    snapshot: () => session,
    login: (options) => {
      const { pathname, search, hash } = location
      location.assign(loginUrl({ returnTo: pathname + search + hash, ...options }))
    },
    loginPopup,
    logout: async () => {
      const known = await check()
      const form = document.createElement('form')
      form.method = 'post'
      form.action = `${base}/logout`
      const field = document.createElement('input')
      field.name = '_csrf'
      field.value = known?.csrfToken ?? ''
      form.append(field)
      form.hidden = true
      document.body.append(form)
      // The other tabs ask when it is done, and not before.
      addEventListener('pagehide', () => channel?.postMessage('logout'))
      form.submit()
    },
    fetch: call,
    on: (type, listener) => {
      const heard = (event: Event) => listener((event as CustomEvent<BffEvent>).detail)
      events.addEventListener(type, heard)
      return () => events.removeEventListener(type, heard)
    },
  }
}
