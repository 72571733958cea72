import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { randomUUID } from 'node:crypto'
import { loginRedirect, wantsPage, type Endpoints } from './endpoints.ts'
import { BffError, type ErrorCode } from './errors.ts'
import { describeError, type Audit, type Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import { problemAnswer } from './problem.ts'
import { bodyOf } from './proxy/headers.ts'
import { lingerAfterAnswer } from './proxy/linger.ts'
import type { Exchange, Proxy } from './proxy/proxy.ts'
import { headerOf } from './proxy/request-header.ts'
import type { StaticFiles } from './proxy/static.ts'
import { judgePath } from './proxy/target.ts'
import type { WebSockets } from './proxy/web-sockets.ts'
import { endpointOf, type Route, type RouteTable, type StaticRoute } from './routes.ts'
import type { SessionCookie } from './session/cookies.ts'
import { bodyWasRead, sendResponse, toRequest } from './web-bridge.ts'

export interface NodeLaneOptions {
  readonly origin: string
  readonly basePath: string
  readonly strictTransportSecurity: string
  readonly routes: RouteTable
  readonly endpoints: Endpoints
  readonly proxy: Proxy
  readonly webSockets: WebSockets
  readonly staticFiles: (route: Route) => StaticFiles
  /** Scripts that may become service workers, by their paths. */
  readonly serviceWorkers: ReadonlySet<string>
  readonly clientAddress: (req: IncomingMessage) => string
  readonly sessionCookie: SessionCookie
  readonly metrics: Metrics
  readonly audit: Audit
  readonly log: Logger
}

/** How one request is to be answered. */
interface Answering {
  readonly requestId: string
  readonly next?: (() => void) | undefined
  readonly isServerCall?: boolean
}

/** A body up to this size is read and dropped after an early answer, so that the connection can be used again. */
const mostDroppedBytes = 64 * 1024

/** Refusals whose audit event tells more than a second line would. */
const alreadyAudited: ReadonlySet<ErrorCode> = new Set(['csrf_failed', 'forbidden', 'token_in_response'])

/** The node lane: every request of a listener, on Node's own streams. Decides where it goes, and answers what fails. */
export class NodeLane {
  readonly #options: NodeLaneOptions

  constructor(options: NodeLaneOptions) {
    this.#options = options
  }

  /** Answers a request. With `next`, leaves alone what no route matches: calls it before it returns, or never. Never rejects. */
  handle(req: IncomingMessage, res: ServerResponse, next?: () => void): void {
    this.#settle(req, res, { requestId: randomUUID(), next })
  }

  /** Answers a call that code of the server makes for a user's session: no page made it, so that nothing can be forged. */
  handleServerCall(req: IncomingMessage, res: ServerResponse): void {
    this.#settle(req, res, { requestId: randomUUID(), isServerCall: true })
  }

  /** What answers a request target; `undefined` where nothing of ours does. Costs as much as the beginning of `handle`. */
  whatAnswers(target: string): 'endpoint' | Route['kind'] | 'refusal' | undefined {
    const { origin, basePath, routes } = this.#options
    const judged = judgePath(target, origin)
    if ('refused' in judged) return 'refusal'
    if (endpointOf(judged.path, basePath) !== undefined) return 'endpoint'
    const route = routes.match(judged)
    return route === 'ambiguous' ? 'refusal' : route?.kind
  }

  /**
   * Answers an `upgrade` event: WebSockets pass through, everything else gets an ordinary answer. With `next`, leaves alone
   * what is not for a proxied route or an own endpoint. Never rejects.
   */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, next?: () => void): void {
    if (next !== undefined) {
      const answerer = this.whatAnswers(req.url ?? '')
      if (answerer === undefined || answerer === 'static') return next()
    }
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    // Whoever upgrades has no parser any more: after an ordinary answer the connection ends.
    res.on('finish', () => endSoon(socket))
    socket.on('error', () => socket.destroy())
    try {
      res.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0])
    } catch {
      // An earlier request of this connection is not answered yet: nothing can be said in its turn, and no client does this.
      socket.destroy()
      return
    }
    const requestId = randomUUID()
    const isWebSocket = (req.headers.upgrade ?? '').toLowerCase() === 'websocket'
    const refuse = (error: unknown): void => this.#refuse(req, res, requestId, error)
    if (isWebSocket) this.#tunnel(req, res, socket, head, requestId).catch(refuse)
    else this.#settle(req, res, { requestId })
  }

  /** Answers, and answers what fails. */
  #settle(req: IncomingMessage, res: ServerResponse, answering: Answering): void {
    try {
      const answered = this.#answer(req, res, answering)
      if (answered !== undefined) answered.catch((error: unknown) => this.#refuse(req, res, answering.requestId, error))
    } catch (error) {
      this.#refuse(req, res, answering.requestId, error)
    }
  }

  /** Throws, or rejects where it had to wait: a warm call never does. */
  #answer(req: IncomingMessage, res: ServerResponse, { requestId, next, isServerCall }: Answering): void | Promise<void> {
    const { origin, basePath, routes, proxy } = this.#options
    const judged = judgePath(req.url ?? '', origin)
    if ('refused' in judged) throw new BffError(judged.code, { reason: judged.refused })
    if (endpointOf(judged.path, basePath) !== undefined) return this.#endpoint(req, res, requestId, judged)
    const route = routes.match(judged)
    if (route === 'ambiguous') throw new BffError('bad_request', { reason: 'a path with two readings' })
    if (route === undefined) {
      if (next === undefined) throw new BffError('not_found')
      return next()
    }
    const exchange = this.#exchange(req, res, requestId, judged, isServerCall)
    checkBodyIsUnread(req)
    this.#checkServiceWorker(exchange)
    if (route.kind === 'proxy') return proxy.call(exchange, route)
    return this.#file(exchange, route)
  }

  async #file(exchange: Exchange, route: StaticRoute): Promise<void> {
    const { req, res, judged } = exchange
    await this.#options.proxy.admitToFiles(exchange, route)
    this.#options.staticFiles(route)(req, res, judged.path, () => exchange.refuse(new BffError('not_found')))
  }

  async #endpoint(
    req: IncomingMessage,
    res: ServerResponse,
    requestId: string,
    { path, query }: { path: string; query: string },
  ): Promise<void> {
    const { origin, endpoints, log } = this.#options
    checkBodyIsUnread(req)
    const url = new URL(path + query, origin)
    const request = await toRequest(req, res, url)
    const clientAddress = this.#options.clientAddress(req)
    await sendResponse(res, await endpoints.answer({ request, url, requestId, clientAddress, log }))
  }

  async #tunnel(req: IncomingMessage, res: ServerResponse, socket: Duplex, head: Buffer, requestId: string): Promise<void> {
    const { origin, basePath, routes, proxy, webSockets } = this.#options
    const judged = judgePath(req.url ?? '', origin)
    if ('refused' in judged) throw new BffError(judged.code, { reason: judged.refused })
    const route = endpointOf(judged.path, basePath) === undefined ? routes.match(judged) : undefined
    if (route === 'ambiguous') throw new BffError('bad_request', { reason: 'a path with two readings' })
    if (route?.kind !== 'proxy') throw new BffError('not_found')
    const exchange = this.#exchange(req, res, requestId, judged)
    const admitted = await proxy.admit(exchange, route, true)
    res.detachSocket(socket as Parameters<ServerResponse['detachSocket']>[0])
    webSockets.open({ exchange, route, admitted, socket, head })
  }

  #exchange(
    req: IncomingMessage,
    res: ServerResponse,
    requestId: string,
    judged: Exchange['judged'],
    isServerCall = false,
  ): Exchange {
    return {
      req,
      res,
      judged,
      requestId,
      clientAddress: this.#options.clientAddress(req),
      isServerCall,
      refuse: (error) => this.#refuse(req, res, requestId, error),
    }
  }

  /**
   * A service worker sees every request of its scope before we do, the callback of a login among them, and it stays. Browsers say what they
   * ask for its script with (Fetch Metadata; Service Workers, "Service-Worker"), and no page can hide it.
   */
  #checkServiceWorker({ req, judged, requestId, clientAddress }: Exchange): void {
    if (headerOf(req, 'sec-fetch-dest') !== 'serviceworker' && headerOf(req, 'service-worker') === undefined) return
    if (this.#options.serviceWorkers.has(judged.path)) return
    this.#options.audit('service_worker_refused', { requestId, clientAddress, path: judged.path })
    throw new BffError('forbidden', { detail: 'this path is not among the serviceWorkers of the config' })
  }

  #refuse(req: IncomingMessage, res: ServerResponse, requestId: string, thrown: unknown): void {
    const { basePath, strictTransportSecurity, sessionCookie, log } = this.#options
    const error = BffError.from(thrown)
    this.#options.metrics.refused(error.code)
    const path = (req.url ?? '').split('?', 1)[0]?.slice(0, 500)
    const line = { requestId, method: req.method, path, code: error.code, reason: error.reason ?? error.detail }
    if (alreadyAudited.has(error.code)) log.debug(line, 'request refused')
    else if (error.status >= 500) log.error({ ...line, error: describeError(thrown) }, 'request failed')
    else log.warn(error.cause === undefined ? line : { ...line, error: describeError(error.cause) }, 'request refused')
    if (res.headersSent || res.destroyed) {
      res.destroy()
      return
    }
    const header = (name: string): string | undefined => headerOf(req, name)
    const wantsHtml = wantsPage(req.method ?? '', header)
    const common: Record<string, string | string[]> = {
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      'cross-origin-resource-policy': 'same-origin',
      ...(strictTransportSecurity === '' ? {} : { 'strict-transport-security': strictTransportSecurity }),
    }
    if (error.code === 'session_required' && sessionCookie.read(headerOf(req, 'cookie')).kind === 'one') {
      // The store was asked and knows no such session. Where it could not be asked the code is store_unavailable.
      common['set-cookie'] = sessionCookie.cleared()
    }
    if (isBodyLeft(req)) {
      common['connection'] = 'close'
      lingerAfterAnswer(req)
    }
    const target = { method: req.method ?? '', target: req.url ?? '/', header }
    const redirect = error.code === 'session_required' ? loginRedirect(target, basePath) : undefined
    if (redirect !== undefined) {
      res.writeHead(303, { ...common, ...redirect }).end()
      return
    }
    const answer = problemAnswer(error, { requestId, basePath, wantsHtml })
    const length = { 'content-length': Buffer.byteLength(answer.body) }
    res.writeHead(answer.status, { ...answer.headers, ...common, ...length }).end(answer.body)
  }
}

/** Whether so much of a body may still come that the connection is better ended than read to its end. */
function isBodyLeft(req: IncomingMessage): boolean {
  if (req.complete) return false
  const body = bodyOf(req.rawHeaders)
  return body !== 'none' && (body.length === undefined || body.length > mostDroppedBytes || req.headers.expect !== undefined)
}

function checkBodyIsUnread(req: IncomingMessage): void {
  if ((req.readableDidRead || req.readableEnded) && bodyOf(req.rawHeaders) !== 'none') throw bodyWasRead()
}

/** Ends a connection, and does not wait for ever for a client that keeps its side open. */
function endSoon(socket: Duplex): void {
  socket.end()
  const timer = setTimeout(() => socket.destroy(), 2_000).unref()
  socket.once('close', () => clearTimeout(timer))
}
