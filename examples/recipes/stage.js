import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, resolveConfig } from 'coatcheck'
import { startDevProvider } from 'coatcheck/dev'
import { buildSchema, graphql } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { chromium } from 'playwright-core'
import { WebSocketServer } from 'ws'

const schema = buildSchema('type Query { caller: String } type Mutation { rename: String } type Subscription { ticks: Int }')

/** Who the API says it was called by: the subject of the access token that Coatcheck brought. */
function callerOf({ headers }) {
  return headers.authorization?.startsWith('Bearer ') === true ? 'somebody with a token' : 'nobody'
}

async function startApi() {
  const graphqlSockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] })
  const subscribe = async function* () {
    for (const ticks of [1, 2]) yield { ticks }
  }
  useServer({ schema, roots: { subscription: { ticks: subscribe } } }, graphqlSockets)
  const hubSockets = new WebSocketServer({ noServer: true })
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const rootValue = { caller: () => callerOf(request), rename: () => callerOf(request) }
    const refused = request.url === '/refused'
    const answer = request.url?.startsWith('/graphql')
      ? await graphql({ schema, source: JSON.parse(body).query, rootValue })
      : { method: request.method, caller: callerOf(request), body }
    response.writeHead(refused ? 401 : 200, {
      'content-type': 'application/json',
      ...(refused && { 'www-authenticate': 'Bearer' }),
    })
    response.end(JSON.stringify(answer))
  })
  server.on('upgrade', (request, socket, head) => {
    if (callerOf(request) === 'nobody') return socket.destroy()
    const sockets = request.url === '/hub' ? hubSockets : graphqlSockets
    return sockets.handleUpgrade(request, socket, head, (webSocket) => {
      sockets.emit('connection', webSocket, request)
      // The handshake of SignalR's JSON protocol, and one call of a method of the page.
      if (sockets === hubSockets) {
        webSocket.once('message', () =>
          webSocket.send('{}\u001e{"type":1,"target":"told","arguments":["somebody with a token"]}\u001e'),
        )
      }
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const find = `for name in ${names.join(' ')}; do command -v $name && break; done`
  const found = process.env['CHROMIUM_PATH'] ?? execFileSync('sh', ['-c', `${find}; true`], { encoding: 'utf8' }).trim()
  if (found === '') throw new Error('Chromium is needed: npm test at the root installs it, or set CHROMIUM_PATH')
  return found
}

/** Coatcheck with a provider, an API and a page of these scripts, all on this machine, and a browser. */
export async function setStage(scripts, { origin: publicOrigin } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-recipes-'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Recipes</title><script type="module" src="/page.js"></script>')
  for (const [name, content] of Object.entries(scripts)) writeFileSync(join(folder, name), content)
  const api = await startApi()
  const port = await freePort()
  const origin = publicOrigin ?? `http://localhost:${port}`
  const clientSecret = randomBytes(32).toString('base64url')
  const provider = await startDevProvider({
    clients: [
      {
        clientId: 'recipes',
        clientSecret,
        redirectUris: [`${origin}/bff/callback`],
        postLogoutRedirectUris: [`${origin}/`],
      },
    ],
  })
  const config = {
    origin,
    listen: { host: '127.0.0.1', port },
    provider: { issuer: provider.issuer, clientId: 'recipes', clientSecret },
    session: { secrets: [randomBytes(32).toString('base64url')], store: { type: 'memory' } },
    csrf: { cookie: true },
    log: { level: 'silent' },
    routes: [
      { path: '/api/', upstream: `http://127.0.0.1:${api.address().port}/` },
      { path: '/', static: folder },
    ],
  }
  const gateway = await startGateway(resolveConfig(config, { env: {} }))
  const browser = await chromium.launch({ executablePath: findChromium(), chromiumSandbox: process.getuid?.() !== 0 })
  return {
    origin,
    port,
    browser,
    async logIn(at = origin) {
      const page = await browser.newPage()
      await page.goto(`${at}/bff/login`)
      await page.getByRole('button').first().click()
      await page.waitForURL(`${at}/`)
      return page
    },
    async close() {
      await browser.close()
      await gateway.close()
      await provider.close()
      api.closeAllConnections()
      await new Promise((resolve) => api.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
