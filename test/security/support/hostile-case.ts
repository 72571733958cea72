import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { Browser } from '../../support/browser.ts'
import { simulateInternet, type Internet, type InternetOptions } from '../../support/internet.ts'
import { rawConnect, type RawConnection, type RawResponse } from '../../support/raw-client.ts'
import { startRecordingUpstream, type RecordingUpstream } from '../../support/recording-upstream.ts'
import { expectAlive, expectNoServerError, expectSafe, type RawAnswer, type SafetyOptions } from '../../support/safety.ts'
import type { ScriptedProvider } from '../../support/scripted-provider.ts'
import { Victim } from './victim.ts'

/** What a case may do that others may not; it holds until the case ends. */
export interface Allowed extends SafetyOptions {
  /** The case ends sessions or breaks what the victim needs as well, so nobody watches the victim. */
  readonly victimHarmed?: boolean
  /** The case breaks the wire format itself: what is left on its connections is no answer of ours. */
  readonly leftOver?: boolean
}

/** One deployment for all cases of a file: gateways, provider, upstream and store, on real sockets. */
export interface HostileScene {
  /** Only inside of tests. */
  readonly internet: Internet
  /** What this case may do; later calls add to it. */
  allow(allowed: Allowed): void
  /** A raw connection whose answers are looked at when the case ends. */
  connect(node?: number): Promise<RawConnection>
  /** Sends bytes as they are on a connection of their own and gives the first answer. */
  raw(bytes: string | Uint8Array, options?: { readonly method?: string; readonly node?: number }): Promise<RawResponse>
  /** The `Cookie` line of a browser, for raw requests. */
  cookieLine(browser: Browser): string
}

interface Sent {
  readonly what: string
  readonly connection: RawConnection
}

/**
 * Stands a deployment up for a file, with somebody who goes on using the app, and asserts after each of its cases the
 * eight checks that hold whatever a case did:
 *
 * 1. the process lives, nothing was unforeseen, and an ordinary request is answered soon;
 * 2. the upstream saw no protected call without a token of the provider;
 * 3. no token, client secret or code_verifier went to a browser or into the log;
 * 4. no session or login cookie reached the upstream;
 * 5. one answer per request on a connection, none left over;
 * 6. no status from 500 on because of a client's bytes, no stack trace and no file path;
 * 7. every Location is the app's, the provider's or allowed by the case;
 * 8. the victim's calls were all answered as ever, and soon.
 */
export function hostileScene(options: InternetOptions = {}): HostileScene {
  let internet: Internet | undefined
  let victim: Victim | undefined
  let victimUpstream: RecordingUpstream | undefined
  let allowed: Allowed = {}
  let sent: Sent[] = []
  let rawAnswers: RawAnswer[] = []
  let untouched: Untouched | undefined
  const up = (): Internet => {
    if (internet === undefined) throw new Error('the scene is there inside of tests only')
    return internet
  }

  beforeAll(async () => {
    victimUpstream = await startRecordingUpstream()
    const moreRoutes = [{ path: '/victim/', upstream: `${victimUpstream.url}/victim/` }, ...(options.moreRoutes ?? [])]
    internet = await simulateInternet({ ...options, isShared: true, moreRoutes })
    victim = await Victim.login(internet)
    untouched = remember(internet.provider)
  })

  beforeEach(() => {
    allowed = options.safety ?? {}
    victim?.begin()
  })

  afterEach(async () => {
    const { app, provider, upstream, logs, browsers, nodes } = up()
    try {
      const watched = { app: app.url, provider, upstream, logs, browsers, raw: rawAnswers }
      if (allowed.victimHarmed === true) await victim?.rest()
      else await victim?.expectUnharmed()
      expectSafe(watched, allowed)
      expectNoServerError(watched, allowed)
      if (allowed.leftOver !== true) expect(sent.flatMap(leftOver), 'bytes nobody asked for').toEqual([])
      for (const { port } of nodes) await expectAlive(port)
    } finally {
      for (const { connection } of sent) connection.reset()
      sent = []
      rawAnswers = []
      untouched?.(provider)
      upstream.answer(undefined)
      upstream.requireBearer(undefined)
      upstream.requests.length = 0
      // A victim that was harmed may have lost its session.
      if (allowed.victimHarmed === true) victim = await Victim.login(up())
      for (const browser of browsers) browser.exchanges.length = 0
    }
  })

  afterAll(async () => {
    await victim?.rest()
    await internet?.close()
    await victimUpstream?.close()
  })

  const scene: HostileScene = {
    get internet() {
      return up()
    },
    allow(more) {
      allowed = { ...allowed, ...more }
    },
    async connect(node = 0) {
      const { nodes, app } = up()
      const connection = await rawConnect(nodes[node]?.port ?? app.port)
      sent.push({ what: 'a raw connection', connection })
      return {
        ...connection,
        async response(method) {
          const response = await connection.response(method)
          rawAnswers.push({ what: `a raw ${method ?? 'GET'}`, response })
          return response
        },
      }
    },
    async raw(bytes, { method, node } = {}) {
      const connection = await scene.connect(node)
      connection.send(bytes)
      return connection.response(method)
    },
    cookieLine: (browser) =>
      `Cookie: ${browser.jar
        .all()
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ')}`,
  }
  return scene
}

function leftOver({ what, connection }: Sent): string[] {
  const rest = connection.rest().toString('latin1')
  return rest === '' ? [] : [`${what}: ${rest.slice(0, 200)}`]
}

type Untouched = (provider: ScriptedProvider) => void

/** Takes the state of a fresh provider down, and gives what brings it back; keys and users stay as they are. */
function remember(provider: ScriptedProvider): Untouched {
  const settings = { ...provider.settings }
  const { makeIdToken } = provider
  return () => {
    Object.assign(provider.settings, settings)
    provider.makeIdToken = makeIdToken
    provider.editAuthorizationResponse = undefined
    provider.denials.length = 0
    for (const calls of Object.values(provider.calls)) calls.length = 0
    provider.forgetScripts()
    provider.loginAs('ada')
  }
}
