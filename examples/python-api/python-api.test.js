import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../support/app-test.js'

const { app, testLogout } = testApp(import.meta.dirname)

test('the API refuses tokens that are not its own', async () => {
  const url = `http://127.0.0.1:${app.ports.API_PORT}/orders`
  const ask = async (authorization) => {
    const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } })
    await response.arrayBuffer()
    return [response.status, response.headers.get('www-authenticate')]
  }
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const unsigned = `${part({ alg: 'none', typ: 'at+jwt' })}.${part({ sub: 'ada', aud: 'https://orders.example.com' })}.`
  assert.deepEqual(await ask(), [401, 'Bearer'])
  assert.deepEqual(await ask('Bearer nonsense'), [401, 'Bearer error="invalid_token"'])
  assert.deepEqual(await ask(`Bearer ${unsigned}`), [401, 'Bearer error="invalid_token"'])
})

testLogout()
