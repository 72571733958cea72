import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../support/app-test.js'

const { app, testLogout } = testApp(import.meta.dirname)

test('nginx serves the page, and Coatcheck never sees it', async () => {
  const page = await app.browser.fetch(`${app.origin}/page.js`)
  assert.match(page.headers.server, /^nginx/)
  const atCoatcheck = await fetch(`http://127.0.0.1:${app.ports.GATEWAY_PORT}/page.js`)
  await atCoatcheck.arrayBuffer()
  assert.equal(atCoatcheck.status, 404)
})

test('what nginx answers itself at the callback cannot be read by a script', async () => {
  const refused = await app.browser.fetch(`${app.origin}/bff/callback?code=x`, { headers: { 'x-padding': 'x'.repeat(40_000) } })
  assert.deepEqual([refused.status, refused.text], [431, ''])
})

testLogout()
