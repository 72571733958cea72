import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../support/app-test.js'

const { app, testLogout } = testApp(import.meta.dirname)

test('the page comes from the static host, which gets no cookie and whose caching stands', async () => {
  const page = await app.browser.navigate(`${app.origin}/orders/17`)
  assert.match(page.text, /<h1>Orders<\/h1>/)
  assert.equal(page.headers['x-cookies-seen'], 'none')
  assert.equal(page.headers['cache-control'], 'max-age=60')
  assert.match(page.headers['content-security-policy'], /default-src 'self'/)
})

test('a page at the address of the static host itself can do nothing with the session', async () => {
  const origin = `http://static.localhost:${app.ports.HOST_PORT}`
  const fromThere = { origin, 'sec-fetch-site': 'same-site' }
  for (const path of ['/api/orders', '/bff/session']) {
    const answer = await app.browser.fetch(app.origin + path, { headers: fromThere })
    assert.deepEqual([answer.status, JSON.parse(answer.text).code], [403, 'csrf_failed'])
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
  }
})

testLogout()
