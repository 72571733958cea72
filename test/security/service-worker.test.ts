// A service worker of the origin sees each login before the gateway does, and stays after the page is closed (RFC 9700, 4.5, "Limitations";
// OWASP on service worker persistence). What browsers send for its script cannot be hidden by a page.
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene({ files: { 'sw.js': 'addEventListener("fetch", () => {})' } })
const marks = [
  ['Sec-Fetch-Dest: serviceworker', 'Service-Worker: script'],
  ['Sec-Fetch-Dest: serviceworker'],
  ['Service-Worker: script'],
  ['service-worker: x'],
]

test.each(marks)('%s: no file and no answer of an API is given as one', async (...lines) => {
  const session = await rawSession(scene)
  for (const target of ['/sw.js', '/app.js', '/', '/api/sw.js', '/public/sw.js?x=/sw.js', '/optional/x']) {
    const response = await scene.raw(rawRequest('GET', target, [...lines, ...session.lines]))
    expect(response.status, target).toBe(403)
    expect(response.header('content-type'), target).not.toMatch(/javascript/)
  }
  expect(scene.internet.upstream.requests).toEqual([])
})

test('everything else that the app loads is given as ever', async () => {
  for (const destination of ['script', 'worker', 'sharedworker', 'empty', 'document']) {
    const response = await scene.raw(rawRequest('GET', '/sw.js', [`Sec-Fetch-Dest: ${destination}`]))
    expect(response.status, destination).toBe(200)
  }
})

test('a listed script is given, and no other spelling of its path', async () => {
  const { app, browser } = await simulateInternet({
    files: { 'sw.js': 'x', 'other.js': 'y' },
    config: { serviceWorkers: ['/sw.js'] },
  })
  const ask = async (path: string) => {
    const response = await browser().fetch(path, { headers: { 'service-worker': 'script' } })
    return response.status
  }
  expect(app.url).toBe('https://app.test')
  expect([
    await ask('/sw.js'),
    await ask('/sw.js?v=2'),
    await ask('/other.js'),
    await ask('/SW.js'),
    await ask('/%73w.js'),
  ]).toEqual([200, 200, 403, 403, 403])
})
