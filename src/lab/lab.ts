import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { resolveConfig } from '../config/resolve.ts'
import { freePort, listenOnLoopback } from '../dev/listen.ts'
import { startGateway } from '../gateway/gateway.ts'
import { createApi } from './api.ts'
import { appPage, appScript } from './app-page.ts'
import { Attacker, type Loot } from './attacker.ts'
import { attack, attackAfterLogout, type Row } from './matrix.ts'
import { createMediator } from './mediator.ts'
import { labPage, labStyle } from './page.ts'
import { payload } from './payload.ts'
import { createLabProvider } from './provider.ts'
import { apiResource, appNames, originOf, scope, type AppName, type Places } from './places.ts'
import { fetchOnLoopback, send } from './wire.ts'

export interface Lab {
  /** The lab's own page. */
  readonly url: string
  readonly places: Places
  readonly rows: ReadonlyMap<AppName, Row>
  readonly attacker: Attacker
  /** Attacks from the attacker's machine with what the script sent home. */
  attack(app: AppName): Promise<Row>
  /** The same after the victim has logged out of an app that was attacked before. */
  attackAfterLogout(app: AppName): Promise<Row>
  close(): Promise<void>
}

const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

/** Starts the attack lab: everything in this process, everything on loopback, everything in memory. */
export async function startLab({ port = 0 }: { readonly port?: number } = {}): Promise<Lab> {
  const server = createServer()
  const places: Places = { port: await listenOnLoopback(server, port, 'the attack lab'), bffPort: await freePort() }
  const secrets = { tmb: randomBytes(32).toString('base64url'), bff: randomBytes(32).toString('base64url') }
  const provider = await createLabProvider(places, secrets)
  const api = createApi(provider.issuer, provider.publicKey)
  const mediator = createMediator(places, secrets.tmb)
  const attacker = new Attacker(places)
  const rows = new Map<AppName, Row>()

  const keep = (row: Row): Row => {
    rows.set(row.app, row)
    return row
  }
  const run = async (app: AppName) => keep(await attack(attacker, app, () => provider.codeSentTo(app)))
  const runAfterLogout = async (app: AppName) => keep(await attackAfterLogout(attacker, rows.get(app) ?? (await run(app))))
  const lab = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === '/lab.css') text(response, 'text/css', labStyle)
    else if (request.url === '/') {
      response.setHeader('Content-Security-Policy', pagePolicy)
      text(response, 'text/html', labPage(places, rows, attacker))
    } else if (request.url === '/attack' && request.method === 'POST' && request.headers.origin === originOf(places, 'lab')) {
      const form = new URLSearchParams(await bodyOf(request))
      const name = appNames.find((known) => known === form.get('app'))
      const isReady = name !== undefined && attacker.isScriptHome(name)
      if (isReady) await (form.has('afterLogout') ? runAfterLogout(name) : run(name))
      response.writeHead(303, { Location: isReady ? '/#matrix' : '/#not-yet' }).end()
    } else response.writeHead(404).end()
  }
  const app = async (name: AppName, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (path === '/app.css') text(response, 'text/css', labStyle)
    else if (path === '/app.js') text(response, 'text/javascript', appScript)
    else if (path === '/' || path === '/callback') text(response, 'text/html', appPage(places, name))
    else if (name === 'proxy' && path.startsWith('/api/')) await forward(places, request, response)
    else response.writeHead(404).end()
  }
  const hosts: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>>> = {
    lab,
    api,
    idp: async (request, response) => provider.handle(request, response),
    evil: async (_request, response) => text(response, 'text/javascript', payload(places)),
    collector: async (request, response) => {
      attacker.collect(JSON.parse(await bodyOf(request)) as Loot)
      response.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end()
    },
    ls: (request, response, path) => app('ls', path, request, response),
    mem: (request, response, path) => app('mem', path, request, response),
    proxy: (request, response, path) => app('proxy', path, request, response),
    tmb: async (request, response, path) => {
      if (!(await mediator(request, response))) await app('tmb', path, request, response)
    },
  }
  server.on('request', (request, response) => {
    const path = new URL(request.url ?? '/', 'http://x').pathname
    const [, name = '', at] = /^([a-z]+)\.localhost:(\d+)$/.exec(request.headers.host ?? '') ?? []
    // Coatcheck's upstreams are asked for by address.
    const behind = request.headers.host === `127.0.0.1:${places.port}`
    const handle = behind
      ? path.startsWith('/api/')
        ? api
        : () => app('bff', path, request, response)
      : Object.hasOwn(hosts, name) && at === String(places.port)
        ? hosts[name]
        : undefined
    if (handle === undefined) response.writeHead(421).end('The lab answers to its own names only.')
    else handle(request, response, path).catch(() => response.writeHead(400).end())
  })

  const upstream = `http://127.0.0.1:${places.port}`
  const config = resolveConfig(
    {
      origin: originOf(places, 'bff'),
      listen: { host: '127.0.0.1', port: places.bffPort },
      provider: { issuer: provider.issuer, clientId: 'bff', clientSecret: secrets.bff, scope },
      session: { secrets: [randomBytes(32).toString('base64url')], store: { type: 'memory' } },
      log: { level: 'silent' },
      routes: [
        { path: '/api/', upstream: `${upstream}/api/`, token: { resource: apiResource } },
        { path: '/', upstream: `${upstream}/`, auth: 'none' },
      ],
    },
    { env: {} },
  )
  const closeServer = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const gateway = await startGateway(config, { fetch: fetchOnLoopback }).catch(async (error: unknown) => {
    await closeServer()
    throw error
  })
  return {
    url: `${originOf(places, 'lab')}/`,
    places,
    rows,
    attacker,
    attack: run,
    attackAfterLogout: runAfterLogout,
    async close() {
      await gateway.close()
      await closeServer()
    },
  }
}

/** The "BFF" that is only a reverse proxy: what the browser sent as bearer goes on as it is. */
async function forward(places: Places, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { authorization = '' } = request.headers
  const url = `${originOf(places, 'api')}${request.url ?? '/'}`
  const answer = await send(url, { method: request.method ?? 'GET', headers: { authorization } })
  response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.text)
}

function text(response: ServerResponse, type: string, body: string): void {
  response.setHeader('Content-Type', `${type}; charset=utf-8`)
  response.setHeader('Cache-Control', 'no-store')
  response.end(body)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > 200_000) throw new Error('too large')
  }
  return body
}
