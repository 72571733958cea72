import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApp } from '../support/app-test.js'

const { app, json, testLogout } = testApp(import.meta.dirname)

test("a handler of the app's own knows whose request it is", async () => {
  assert.deepEqual(await json('/hello'), { status: 200, body: { hello: 'Ada Lovelace' } })
  const stranger = await fetch(`${app.origin}/hello`)
  assert.deepEqual(await stranger.json(), { hello: 'stranger' })
})

testLogout()
