import { IncomingMessage } from 'node:http'
import { randomUUID } from 'node:crypto'
import type { Config } from './config/schema.ts'
import { loginRedirect, type Endpoints } from './endpoints.ts'
import { BffError } from './errors.ts'
import type { Logger } from './log.ts'
import { MemoryServer } from './memory-server.ts'
import type { NodeLane } from './node-lane.ts'
import { readHeader, type RequestLike, type ServerSide } from './server-side.ts'
import { bodyWasRead } from './web-bridge.ts'

export interface FetchLaneOptions {
  readonly config: Config
  readonly nodeLane: NodeLane
  readonly endpoints: Endpoints
  readonly serverSide: ServerSide
  readonly clientAddress: (req: IncomingMessage) => string
  readonly log: Logger
}

/** What is said of a web request besides the request. */
interface About<Other> {
  readonly clientAddress?: string
  readonly decode?: boolean
  readonly next?: () => Other | Promise<Other>
}

/**
 * Requests and Responses of the web: own endpoints are answered as they are, everything else goes through the node lane by a
 * connection in memory, so that there is one proxy and one set of rules.
 */
export class FetchLane {
  readonly #options: FetchLaneOptions
  readonly #server: MemoryServer

  constructor(options: FetchLaneOptions) {
    this.#options = options
    const { nodeLane, config } = options
    this.#server = new MemoryServer({
      host: new URL(config.origin).host,
      maxHeaderBytes: config.limits.headerBytes,
      handle: (req, res, { isServerCall }) => (isServerCall ? nodeLane.handleServerCall(req, res) : nodeLane.handle(req, res)),
    })
  }

  /** Either lane of `Bff.fetch`: a request to be answered, or a call for the session of a request. */
  readonly fetch = <Other>(
    request: Request | RequestLike,
    second: About<Other> | string | URL = {},
    init?: RequestInit,
  ): Promise<Response | Other> => {
    if (typeof second === 'string' || second instanceof URL) return this.#call(request, second, init)
    return this.#answer(request as Request, second)
  }

  /** The answer for a request that has no session; `undefined` where it has one. Never rejects. */
  readonly requireSession = async (request: Request): Promise<Response | undefined> => {
    const { config, serverSide, endpoints } = this.#options
    try {
      if ((await serverSide.session(request)) !== undefined) return undefined
      const { pathname, search } = new URL(request.url)
      const header = (name: string): string | undefined => request.headers.get(name) ?? undefined
      const headers = loginRedirect({ method: request.method, target: pathname + search, header }, config.basePath)
      // An address without its origin is enough for browsers, but not for every runtime that such a Response passes.
      if (headers !== undefined)
        return new Response(null, { status: 303, headers: { ...headers, location: `${config.origin}${headers['location']}` } })
      throw new BffError('session_required', { reason: 'no session' })
    } catch (error) {
      return endpoints.refuse(this.#callOf(request, ''), BffError.from(error), error)
    }
  }

  #callOf(request: Request, clientAddress: string) {
    const { config, log } = this.#options
    const { pathname, search } = new URL(request.url)
    const url = new URL(config.origin)
    url.pathname = pathname
    url.search = search
    return { request, url, requestId: randomUUID(), clientAddress, log }
  }

  async #answer<Other>(request: Request, { clientAddress = '', decode = false, next }: About<Other>): Promise<Response | Other> {
    const { nodeLane, endpoints } = this.#options
    const { pathname, search } = new URL(request.url)
    const target = pathname + search
    const answerer = nodeLane.whatAnswers(target)
    if (answerer === undefined && next !== undefined) return next()
    const call = this.#callOf(request, clientAddress)
    if (request.bodyUsed) return endpoints.refuse(call, bodyWasRead(), undefined)
    if (answerer === 'endpoint') return endpoints.answer(call)
    try {
      return await this.#server.answer(request, target, { clientAddress, isServerCall: false, isDecoded: decode })
    } catch (error) {
      return endpoints.refuse(call, BffError.from(error), error)
    }
  }

  async #call(request: RequestLike, routeOrUrl: string | URL, init: RequestInit = {}): Promise<Response> {
    const { config, serverSide, clientAddress } = this.#options
    const target = serverSide.target(routeOrUrl)
    const headers = new Headers(init.headers)
    // The session is that of the request, and other cookies are the browser's: the route says which of them pass.
    const cookie = readHeader(request, 'cookie')
    if (cookie === undefined) headers.delete('cookie')
    else headers.set('cookie', cookie)
    // Whatever it accepts, the caller is no page load: it gets 401 and not the way to the login.
    headers.set('sec-fetch-mode', 'cors')
    const call = new Request(new URL(target, config.origin), { ...init, headers })
    const address = request instanceof IncomingMessage ? clientAddress(request) : ''
    try {
      return await this.#server.answer(call, target, { clientAddress: address, isServerCall: true, isDecoded: true })
    } catch (error) {
      throw call.signal.aborted ? call.signal.reason : error
    }
  }
}
