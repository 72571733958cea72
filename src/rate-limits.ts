import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { BffError } from './errors.ts'

/** So many requests in so many seconds. */
export interface RateLimit {
  readonly requests: number
  readonly perSeconds: number
}

/** A limit of a route, and what is counted by itself. */
export interface RouteRateLimit extends RateLimit {
  readonly by: 'address' | 'session' | 'route'
}

/** Counters that all nodes share. */
export interface SharedCounters {
  readonly keyPrefix: string
  /** Whether they can be asked at once. Where not, they are made ready in the background. */
  readonly isReady: boolean
  /** Runs a script of the limiter on one key. */
  run(lua: string, key: string, args: readonly string[]): Promise<unknown>
}

export interface RateLimitsOptions {
  readonly login: RateLimit
  readonly routes: readonly { readonly path: string; readonly rateLimits?: readonly RouteRateLimit[] | undefined }[]
  /** A keyed hash, so that no stranger knows which addresses are counted together. */
  readonly hash: (text: string) => Buffer
  /** `undefined` where each process counts by itself. */
  readonly shared: SharedCounters | undefined
}

/** Addresses share so many counters, which bounds what strangers with very many addresses can make us keep. */
const addressCounters = 1 << 18

type Counter = (key: string) => Promise<void>

/**
 * Counts requests in fixed windows. While shared counters are out of reach, each process counts by itself: an outage
 * neither lifts a limit nor refuses anybody.
 */
export class RateLimits {
  readonly #hash: (text: string) => Buffer
  readonly #login: Counter | undefined
  readonly #routes: ReadonlyMap<string, readonly { readonly by: RouteRateLimit['by']; readonly count: Counter }[]>

  constructor({ login, routes, hash, shared }: RateLimitsOptions) {
    this.#hash = hash
    this.#login = login.requests === 0 ? undefined : counter('login', login, shared)
    this.#routes = new Map(
      routes.map(({ path, rateLimits = [] }) => [
        path,
        rateLimits.map((limit) => ({ by: limit.by, count: counter(`${limit.by} ${limit.perSeconds} ${path}`, limit, shared) })),
      ]),
    )
  }

  /** Counts one request to a login endpoint, which a stranger may call. Rejects with `too_many_requests`. */
  async login(clientAddress: string): Promise<void> {
    if (this.#login !== undefined && clientAddress !== '') await this.#login(this.#addressKey(clientAddress))
  }

  /** Counts a call before anything is looked up for it. Rejects with `too_many_requests`. */
  async call(routePath: string, clientAddress: string): Promise<void> {
    for (const { by, count } of this.#routes.get(routePath) ?? []) {
      if (by === 'route') await count('all')
      else if (by === 'address' && clientAddress !== '') await count(this.#addressKey(clientAddress))
    }
  }

  /** Counts a call once its session is known; one without a session counts by its address. Rejects with `too_many_requests`. */
  async session(routePath: string, sessionKey: string | undefined, clientAddress: string): Promise<void> {
    for (const { by, count } of this.#routes.get(routePath) ?? []) {
      if (by !== 'session') continue
      if (sessionKey !== undefined) await count(sessionKey)
      else if (clientAddress !== '') await count(this.#addressKey(clientAddress))
    }
  }

  #addressKey(address: string): string {
    return `address ${this.#hash(networkOf(address)).readUInt32BE(0) % addressCounters}`
  }
}

/** An IPv4 address, or the /64 of an IPv6 one: a single household has as many addresses there as it likes. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups =
    tail === undefined ? front : [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
  return `${groups.slice(0, 4).join(':')}::/64`
}

function counter(name: string, { requests, perSeconds }: RateLimit, shared: SharedCounters | undefined): Counter {
  const common = { points: requests, duration: perSeconds, keyPrefix: `${shared?.keyPrefix ?? ''}rate:${name}` }
  const ownCounters = new RateLimiterMemory(common)
  const limiter =
    shared === undefined
      ? ownCounters
      : new RateLimiterRedis({
          ...common,
          storeClient: clientOf(shared),
          rejectIfRedisNotReady: true,
          // Who is over the limit is not asked about again.
          inMemoryBlockOnConsumed: requests + 1,
          insuranceLimiter: ownCounters,
        })
  return async (key) => {
    try {
      await limiter.consume(key)
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000))
      throw new BffError('too_many_requests', { reason: `more than ${requests} in ${perSeconds} s: ${name}`, retryAfterSeconds })
    }
  }
}

/** What the limiter takes for an ioredis client. */
function clientOf(shared: SharedCounters) {
  let script = ''
  return {
    get status() {
      return shared.isReady ? 'ready' : 'connecting'
    },
    defineCommand: (_name: string, { lua }: { lua: string }) => {
      script = lua
    },
    rlflxIncr: ([key = '', ...args]: readonly string[]) => shared.run(script, key, args),
  }
}
