import { vi } from 'vitest'
import type { Session } from '../../src/browser/types.ts'

/** A form that the page posted. */
export interface PostedForm {
  readonly method: string
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
}

/** What stands in for a browser tab: its globals, a gateway behind `fetch`, and everything that left it. */
export interface FakePage {
  /** The session the gateway knows; `null` for none. A function may answer in its own way. */
  gateway: Session | null | (() => Response | Promise<Response>)
  /** Answers of everything but `/bff/session`. */
  api: (request: Request) => Response | Promise<Response>
  readonly requests: Request[]
  readonly forms: PostedForm[]
  readonly opened: string[]
  readonly visited: string[]
  /** What the page told the other tabs. */
  readonly posted: unknown[]
  /** Whether the browser lets the page open windows. */
  popups: boolean
  sessionRequests(): number
  /** Another tab, or the popup, says something. */
  hear(name: string): void
  show(isVisible: boolean): void
  fire(type: string, fields?: object): void
}

export const origin = 'https://app.test'

/** A session of this user; each call makes a new one with a CSRF token of its own. */
let made = 0
export function sessionOf(sub: string, changes: Partial<Session> = {}): Session {
  made += 1
  const inMs = (ms: number) => new Date(Date.now() + ms).toISOString()
  return {
    user: { sub, name: sub },
    csrfToken: `csrf-${made}`,
    idleExpiresAt: inMs(1_800_000),
    expiresAt: inMs(28_800_000),
    ...changes,
  }
}

/** Puts the page's globals in place; `vi.unstubAllGlobals` takes them away. */
export function openFakePage(): FakePage {
  const window = new EventTarget()
  const document = Object.assign(new EventTarget(), {
    hidden: false,
    createElement: () => makeElement(page.forms),
    body: { append: () => undefined },
  })
  let hear: (name: string) => void = () => undefined
  const page: FakePage = {
    gateway: null,
    api: () => new Response('ok'),
    requests: [],
    forms: [],
    opened: [],
    visited: [],
    posted: [],
    popups: true,
    sessionRequests: () => page.requests.filter(({ url }) => url.endsWith('/session')).length,
    hear: (name) => hear(name),
    show(isVisible) {
      document.hidden = !isVisible
      document.dispatchEvent(new Event('visibilitychange'))
    },
    fire: (type, fields = {}) => void window.dispatchEvent(Object.assign(new Event(type), fields)),
  }
  vi.stubGlobal('document', document)
  vi.stubGlobal('location', {
    origin,
    pathname: '/orders',
    search: '?page=2',
    hash: '#top',
    assign: (url: string) => page.visited.push(url),
  })
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  vi.stubGlobal('open', (url: string) => {
    page.opened.push(url)
    return page.popups ? {} : null
  })
  vi.stubGlobal('Request', PageRequest)
  vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
    const request = new PageRequest(input, init)
    page.requests.push(request)
    if (!request.url.endsWith('/session')) return page.api(request)
    const { gateway } = page
    if (typeof gateway === 'function') return gateway()
    return Response.json(gateway === null ? { authenticated: false } : { authenticated: true, ...gateway })
  })
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      readonly name: string
      constructor(name: string) {
        this.name = name
      }
      set onmessage(listener: (event: { data: string }) => void) {
        hear = (data) => listener({ data })
      }
      postMessage(data: unknown): void {
        page.posted.push(data)
      }
    },
  )
  return page
}

/** Node's own knows no page that a path could be relative to. */
class PageRequest extends Request {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    super(typeof input === 'string' ? new URL(input, origin) : input, init)
  }
}

function makeElement(forms: PostedForm[]): object {
  const fields: { name: string; value: string }[] = []
  const element = {
    method: '',
    action: '',
    append: (field: { name: string; value: string }) => fields.push(field),
    submit: () =>
      forms.push({
        method: element.method,
        action: element.action,
        fields: Object.fromEntries(fields.map(({ name, value }) => [name, value])),
      }),
  }
  return element
}

/** The gateway's own 401. */
export const sessionRequired = (): Response =>
  Response.json({ code: 'session_required' }, { status: 401, headers: { 'WWW-Authenticate': 'BffSession' } })
