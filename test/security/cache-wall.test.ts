// CH-01, CH-03, LO-05, PX-06: what caches and browsers may keep. Web cache deception (ChatGPT 2023, PayPal 2017): a path that looks
// like a file makes a shared cache keep an answer that is one user's.
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'

const scene = hostileScene()

test.each([
  ['the session', 'GET', '/bff/session'],
  ['a login', 'GET', '/bff/login'],
  ['a callback', 'GET', '/bff/callback?code=x&state=y'],
  ['the error page', 'GET', '/bff/error?code=login_failed'],
  ['the landing page', 'GET', '/bff/landing?returnTo=/'],
  ['the page of a popup', 'GET', '/bff/popup-done'],
  ['a refused logout', 'POST', '/bff/logout'],
  ['a back-channel logout', 'POST', '/bff/backchannel-logout'],
  ['the list of sessions', 'GET', '/bff/sessions'],
  ['the event stream', 'GET', '/bff/events'],
  ['an endpoint that is not there', 'GET', '/bff/nothing'],
  ['a call without a session', 'GET', '/api/x'],
  ['a path with two readings', 'GET', '/api/%2e%2e/x'],
  ['a path of nobody', 'GET', '//x'],
])('nothing of ours may be stored: %s', async (_what, method, path) => {
  const response = await scene.raw(rawRequest(method, path, ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: navigate']), {
    method,
  })
  expect(response.header('cache-control')).toMatch(/(^|[, ])no-store($|[, ])/)
})

test.each([
  '/api/me/x.css',
  '/api/me.js',
  '/api/me;x.css',
  '/api/me?x.css',
  '/api/me/favicon.ico',
  '/api/me/assets/app-1a2b3c4d.js',
  '/api/me/robots.txt',
])('a path that looks like a file is a call all the same, and its answer is kept by nobody: %s', async (path) => {
  const { internet } = scene
  internet.upstream.answer({
    status: 200,
    headers: [
      ['Content-Type', 'text/css'],
      ['Cache-Control', 'public, max-age=31536000, immutable'],
      ['Expires', 'Thu, 01 Jan 2037 00:00:00 GMT'],
    ],
    body: 'mine',
  })
  const ada = internet.browser()
  await ada.login(internet.app)
  const response = await ada.fetch(path)
  if (response.status === 200) {
    expect(response.text).toBe('mine')
    expect(response.header('cache-control')).toBe('private, no-store')
    expect(response.header('vary')).toMatch(/cookie/i)
    expect(response.header('expires')).toBeUndefined()
  } else {
    // Two servers may read `;` in two ways.
    expect(response.status).toBe(400)
    expect(response.header('cache-control')).toMatch(/no-store/)
  }
})

test.each(['TRACE', 'TRACK', 'trace'])('%s is refused and echoes nothing', async (method) => {
  const response = await scene.raw(rawRequest(method, '/api/x', ['X-Secret: hidden-7']), { method })
  expect([400, 405]).toContain(response.status)
  expect(response.body.toString('latin1')).not.toContain('hidden-7')
})

test.each([
  [true, '"cache", "storage"'],
  [false, undefined],
])('a logout can tell the browser to forget: clearSiteData %s', async (clearSiteData, expected) => {
  const { app, browser } = await simulateInternet({ config: { logout: { clearSiteData } } })
  const ada = browser()
  await ada.login(app)
  const response = await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
  expect(response.status).toBe(200)
  expect(response.header('clear-site-data')).toBe(expected)
  expect(response.header('cache-control')).toMatch(/no-store/)
})
