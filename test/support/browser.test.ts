import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Browser } from './browser.ts'
import { listenOnLoopback, type LoopbackListener } from './loopback.ts'

const app = 'https://app.test'
const provider = 'https://id.test'
let listener: LoopbackListener
let browser: Browser
let asked: IncomingMessage[]
let answers: Record<string, (response: ServerResponse) => void>

beforeEach(async () => {
  asked = []
  answers = {}
  const server = createServer((request, response) => {
    asked.push(request)
    const path = `${request.headers.host}${request.url?.split('?')[0]}`
    const answer = answers[path]
    if (answer === undefined) response.end('<h1>page</h1>')
    else answer(response)
  })
  listener = await listenOnLoopback(server)
  browser = new Browser({ home: app, hosts: new Map([app, provider].map((origin) => [origin, listener.port])) })
})
afterEach(async () => {
  browser.close()
  await listener.close()
})

const last = () => asked.at(-1)?.headers ?? {}
const redirect =
  (location: string, more: Record<string, string | string[]> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(303, { location, ...more }).end()

test('types an address: no site behind it, over redirects too', async () => {
  answers['app.test/login'] = redirect(`${provider}/authorize`)
  answers['id.test/authorize'] = redirect(`${app}/back`)
  await browser.navigate('/login')
  expect(asked.map(({ headers }) => headers['sec-fetch-site'])).toEqual(['none', 'none', 'none'])
  expect(last()).toMatchObject({
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    'sec-fetch-user': '?1',
    host: 'app.test',
  })
  expect(browser.tab.url).toBe(`${app}/back`)
})

test('follows a link: the way by a foreign site makes the rest cross-site', async () => {
  answers['app.test/login'] = redirect(`${provider}/authorize`)
  answers['id.test/authorize'] = redirect(`${app}/back#top`)
  await browser.tab.click('/login')
  expect(asked.map(({ headers }) => headers['sec-fetch-site'])).toEqual(['same-origin', 'cross-site', 'cross-site'])
  expect(browser.tab.url).toBe(`${app}/back#top`)
})

test('withholds a Strict cookie from what the provider page started, and shows it after a Refresh of the own page', async () => {
  answers['app.test/back'] = redirect('/landing', { 'set-cookie': '__Host-Http-s=1; Secure; HttpOnly; SameSite=Strict; Path=/' })
  answers['app.test/landing'] = (response) => void response.writeHead(200, { refresh: '0; url=/x' }).end()
  await browser.navigate(`${provider}/login-page`)
  await browser.tab.click(`${app}/back`)
  const cookies = asked.map(({ url, headers }) => [url, headers.cookie, headers['sec-fetch-site']])
  expect(cookies.slice(1)).toEqual([
    ['/back', undefined, 'cross-site'],
    ['/landing', undefined, 'cross-site'],
    ['/x', '__Host-Http-s=1', 'same-origin'],
  ])
})

test('treats a sandboxed page as nobody: its Refresh is cross-site and shows no Strict cookie', async () => {
  answers['app.test/set'] = (response) =>
    void response.writeHead(200, { 'set-cookie': 's=1; Secure; SameSite=Strict; Path=/' }).end()
  answers['app.test/landing'] = (response) =>
    void response.writeHead(200, { refresh: '0;url=/x', 'content-security-policy': "default-src 'none'; sandbox" }).end()
  await browser.navigate('/set')
  await browser.navigate('/landing')
  expect(last()).toMatchObject({ 'sec-fetch-site': 'cross-site' })
  expect(last().cookie).toBeUndefined()
})

test('fetches as the page does: Origin with unsafe methods, cookies to its own origin only', async () => {
  browser.jar.plant({ name: 's', value: '1', domain: 'app.test', sameSite: 'none' })
  await browser.fetch('/api', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })
  expect(last()).toMatchObject({
    origin: app,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
    cookie: 's=1',
  })
  await browser.tab.fetch('/api', { from: 'https://evil.test' })
  expect(last()).toMatchObject({ origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' })
  expect(last().cookie).toBeUndefined()
  await browser.tab.fetch('/api', { from: 'https://evil.test', credentials: 'include' })
  expect(last().cookie).toBe('s=1')
})

test('asks a foreign origin before a request that is not simple, and gives up without approval', async () => {
  await expect(browser.tab.fetch('/api', { from: 'https://evil.test', method: 'DELETE' })).rejects.toThrow('CORS')
  expect(asked.map(({ method }) => method)).toEqual(['OPTIONS'])
})

test('loads images and frames of other pages without Lax cookies', async () => {
  browser.jar.plant({ name: 's', value: '1', domain: 'app.test', sameSite: 'lax' })
  await browser.tab.load('/a.png', 'image', 'https://evil.test')
  expect(last()).toMatchObject({ 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' })
  await browser.tab.load('/x', 'iframe', 'https://evil.test')
  expect(last()).toMatchObject({ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' })
  expect(asked.every(({ headers }) => headers.cookie === undefined)).toBe(true)
  await browser.tab.click('/x', 'https://evil.test')
  expect(last().cookie).toBe('s=1')
})

test('sends forms: by the user, and by themselves', async () => {
  answers['id.test/page'] = (response) =>
    void response.end(
      `<body onload="document.forms[0].submit()"><form method="post" action="${app}/back"><input name="code" value="a&amp;b"></form>`,
    )
  await browser.navigate(`${provider}/page`)
  expect(asked.at(-1)).toMatchObject({ method: 'POST', url: '/back' })
  expect(last()).toMatchObject({
    origin: provider,
    'sec-fetch-site': 'cross-site',
    'content-type': 'application/x-www-form-urlencoded',
  })
  await browser.tab.submit('/bff/logout', { _csrf: 'x' })
  expect(last()).toMatchObject({ origin: app, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' })
})

test('can be one from before Fetch Metadata', async () => {
  const old = new Browser({ home: app, hosts: browser.hosts, fetchMetadata: false })
  await old.navigate('/')
  expect(last()['sec-fetch-site']).toBeUndefined()
  old.close()
})
