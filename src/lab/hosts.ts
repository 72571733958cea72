import type { IncomingMessage, ServerResponse } from 'node:http'
import { appPage, strictPolicy } from './app-page.ts'
import { appScript } from './app-script.ts'
import { forgeryPage, installScript, loginForgeryPage, phishingScript, workerScript } from './attacker-pages.ts'
import type { Attacker, Loot } from './attacker.ts'
import { workerPath } from './gateways.ts'
import { Journey } from './journey.ts'
import { createMediator } from './mediator.ts'
import { labStyle } from './page-style.ts'
import { payload } from './payload.ts'
import { bankNames, gatewayNames, originOf, weakNames, type AppName, type BankName, type Places } from './places.ts'
import { createWeakBff } from './weak-bff.ts'
import { bodyOf, send } from './wire.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void>

/** The apps, the weak BFFs and the attacker, by the name of their host. */
export function createHosts(places: Places, secrets: Readonly<Record<string, string>>, attacker: Attacker) {
  const app = async (
    name: AppName,
    host: AppName | BankName,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ) => {
    if (path === '/app.css') text(response, 'text/css', labStyle)
    else if (path === '/app.js') text(response, 'text/javascript', appScript(name))
    else if (path === '/' || path === '/callback') text(response, 'text/html', appPage(places, name, host))
    else if (path === '/strict') {
      response.setHeader('Content-Security-Policy', strictPolicy(places))
      text(response, 'text/html', appPage(places, name, host, true))
    } else if (path === workerPath) text(response, 'text/javascript', workerScript(places))
    else if (name === 'proxy' && path.startsWith('/api/')) await forward(places, request, response)
    else response.writeHead(404).end()
  }
  const backed =
    (
      answer: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>,
      name: AppName,
      host: AppName | BankName,
    ): Handler =>
    async (request, response, { pathname }) => {
      if (!(await answer(request, response))) await app(name, host, request, response, pathname)
    }
  const sibling =
    (bank: BankName): Handler =>
    async (_request, response) =>
      text(response, 'text/html', forgeryPage(places, `x.${bank}`, bank))
  const evil: Handler = async (_request, response, { pathname, searchParams }) => {
    const bank = bankNames.find((name) => name === searchParams.get('bank'))
    if (pathname === '/payload.js') text(response, 'text/javascript', payload(places))
    else if (pathname === '/install.js') text(response, 'text/javascript', installScript())
    else if (pathname === '/phish.js') text(response, 'text/javascript', phishingScript(places))
    else if (pathname === '/lab.css') text(response, 'text/css', labStyle)
    else if (pathname === '/kitten' && bank !== undefined) text(response, 'text/html', forgeryPage(places, 'evil', bank))
    else if (pathname === '/parcel' && bank !== undefined) {
      text(response, 'text/html', loginForgeryPage(bank, await new Journey(places).loginUpToCallback(bank)))
    } else response.writeHead(404).end()
  }
  const collector: Handler = async (request, response, { pathname }) => {
    const body = await bodyOf(request)
    if (pathname === '/loot') attacker.collect(JSON.parse(body) as Loot)
    response.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end()
  }
  const plain =
    (name: AppName): Handler =>
    (request, response, { pathname }) =>
      app(name, name, request, response, pathname)
  const hosts = new Map<string, Handler>([
    ['evil', evil],
    ['collector', collector],
    ['ls', plain('ls')],
    ['mem', plain('mem')],
    ['proxy', plain('proxy')],
    ['tmb', backed(createMediator(places, secrets['tmb'] ?? ''), 'tmb', 'tmb')],
    ...weakNames.map((name): [string, Handler] => [name, backed(createWeakBff(places, name, secrets[name] ?? ''), 'bff', name)]),
    ...bankNames.map((name): [string, Handler] => [`x.${name}`, styled(sibling(name))]),
  ])
  /** What stands behind the three Coatchecks: `/at/NAME/...`. */
  const behind: Handler = async (request, response, { pathname }) => {
    const [, name, path = '/'] = /^\/at\/([a-z-]+)(\/.*)$/.exec(pathname) ?? []
    const gateway = gatewayNames.find((known) => known === name)
    if (gateway === undefined) response.writeHead(404).end()
    else await app('bff', gateway, request, response, path)
  }
  return { hosts, behind }
}

function styled(handle: Handler): Handler {
  return async (request, response, url) =>
    url.pathname === '/lab.css' ? text(response, 'text/css', labStyle) : handle(request, response, url)
}

/** The "BFF" that is only a reverse proxy: what the browser sent as bearer goes on as it is. */
async function forward(places: Places, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { authorization = '' } = request.headers
  const url = `${originOf(places, 'api')}${request.url ?? '/'}`
  const answer = await send(url, { method: request.method ?? 'GET', headers: { authorization } })
  response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.text)
}

export function text(response: ServerResponse, type: string, body: string): void {
  response.setHeader('Content-Type', `${type}; charset=utf-8`)
  response.setHeader('Cache-Control', 'no-store')
  response.end(body)
}
