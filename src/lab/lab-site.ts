import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Attacker } from './attacker.ts'
import type { Deeds } from './deeds.ts'
import { exhibits, pageNames, type PageName } from './exhibits.ts'
import { text } from './hosts.ts'
import type { Row } from './matrix.ts'
import { everythingPage } from './page-everything.ts'
import { cookiesPage, mediatorPage, notSolvedPage, pkcePage, proxyPage, rewritePage, type Shown } from './page-exhibits.ts'
import { frame } from './page-frame.ts'
import { labStyle } from './page-style.ts'
import { threatModelPage } from './page-threat-model.ts'
import { labPage } from './page.ts'
import { appNames, bankNames, originOf, type AppName, type Places } from './places.ts'
import type { Evidence } from './trials.ts'
import { bodyOf } from './wire.ts'

const pagePolicy =
  "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

const bodies: Readonly<Record<PageName, (shown: Shown, query: URLSearchParams) => string>> = {
  pkce: pkcePage,
  proxy: proxyPage,
  'token-mediating': mediatorPage,
  cookies: cookiesPage,
  everything: everythingPage,
  rewrite: rewritePage,
  'threat-model': threatModelPage,
  'not-solved': notSolvedPage,
}

export interface LabSiteParts {
  readonly places: Places
  readonly rows: ReadonlyMap<AppName, Row>
  readonly attacker: Attacker
  readonly evidence: Evidence
  readonly deeds: Deeds
  readonly run: (app: AppName) => Promise<Row>
  readonly runAfterLogout: (app: AppName) => Promise<Row>
}

/** The lab's own pages. None has a script, and only they may tell the attacker's machine to do something. */
export class LabSite {
  readonly #parts: LabSiteParts

  constructor(parts: LabSiteParts) {
    this.#parts = parts
  }

  async handle(request: IncomingMessage, response: ServerResponse, { pathname, searchParams }: URL): Promise<void> {
    const { places, rows, attacker } = this.#parts
    const name = pageNames.find((known) => `/${known}` === pathname)
    response.setHeader('Content-Security-Policy', pagePolicy)
    if (request.method === 'POST') await this.#post(request, response, pathname)
    else if (pathname === '/lab.css') text(response, 'text/css', labStyle)
    else if (pathname === '/') text(response, 'text/html', labPage(places, rows, attacker))
    else if (name !== undefined) {
      const title = exhibits.find(({ slug }) => slug === name)?.claim ?? 'What a BFF does not solve'
      text(response, 'text/html', frame(name, title, bodies[name](this.#parts, searchParams)))
    } else response.writeHead(404).end()
  }

  async #post(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    if (path === '/csp-report') {
      // The witness has seen it; what it says is that of the browser.
      await bodyOf(request)
      response.writeHead(204).end()
    } else if (path !== '/attack' || request.headers.origin !== originOf(this.#parts.places, 'lab')) {
      response.writeHead(404).end()
    } else {
      const form = new URLSearchParams(await bodyOf(request))
      response.writeHead(303, { Location: await this.#do(form) }).end()
    }
  }

  /** Does what a form asks for, and gives the page to go back to. */
  async #do(form: URLSearchParams): Promise<string> {
    const { attacker, deeds, run, runAfterLogout } = this.#parts
    const page = pageNames.find((known) => known === form.get('page'))
    const app = appNames.find((known) => known === form.get('app'))
    const bank = bankNames.find((known) => known === form.get('bank')) ?? 'bff'
    const notYet = `/${page ?? ''}#not-yet`
    if (app !== undefined) {
      if (!attacker.isScriptHome(app)) return notYet
      await (form.has('afterLogout') ? runAfterLogout(app) : run(app))
      return page === undefined ? '/#matrix' : `/${page}`
    }
    const deed = form.get('deed')
    const isDone =
      (deed === 'copy' && (await deeds.copyCookie(bank))) ||
      (deed === 'copyAgain' && (await deeds.useCopyAgain(bank))) ||
      (deed === 'scriptCookie' && (await deeds.useCookieOfScript())) ||
      (deed === 'accounts' && (await deeds.askForAccounts()))
    if (!isDone) return notYet
    const part =
      page === 'everything' ? `?logout=${bank === 'bff' ? 0 : 1}#${deed === 'accounts' ? 'authorization' : 'logout'}` : ''
    return `/${page ?? ''}${part}`
  }
}
