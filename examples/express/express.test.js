import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../support/app-test.js'

const { json, testLogout } = testApp(import.meta.dirname)

test('other paths are Express as before', async () => {
  assert.deepEqual(await json('/hello'), { status: 200, body: { hello: 'from Express itself' } })
})

testLogout()
