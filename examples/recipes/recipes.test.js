import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { createServer } from 'vite'
import { freePort, setStage } from './stage.js'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** All recipes in one page, each under its name, and what the tests need beside them. */
const entry = `
import '@angular/compiler'
import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http'
import { provideZonelessChangeDetection } from '@angular/core'
import { createApplication } from '@angular/platform-browser'
import { gql } from '@apollo/client/core'
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { watch } from 'vue'
import * as angular from './src/angular.ts'
import { apollo } from './src/apollo.ts'
import { api } from './src/axios.ts'
import { bff } from './src/bff.ts'
import { subscriptions } from './src/graphql-ws.ts'
import { App } from './src/react.tsx'
import { hub } from './src/signalr.ts'
import { session } from './src/svelte.ts'
import { getJson, queryClient } from './src/tanstack-query.ts'
import { urql } from './src/urql.ts'
import { loggedIn, useBff } from './src/vue.ts'

Object.assign(window, { angular, apollo, api, bff, createApplication, createElement, createRoot, getJson, gql, HttpClient, hub,
  loggedIn, App, provideHttpClient, provideZonelessChangeDetection, queryClient, session, subscriptions, urql, useBff, watch, withInterceptors })
window.ready = true
`

let stage
let page

before(async () => {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: folder },
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
  })
  stage = await setStage({ 'page.js': outputFiles[0].text })
  page = await stage.logIn()
  await page.waitForFunction('window.ready')
})

after(() => stage?.close())

test('every recipe compiles', () => {
  execFileSync(process.execPath, ['../../node_modules/typescript/bin/tsc', '-p', '.'], { cwd: folder, stdio: 'pipe' })
})

test('TanStack Query: a call with the session; a 401 of the API is not tried again', async () => {
  const query = (path) => `queryClient.fetchQuery({ queryKey: ['${path}'], queryFn: () => getJson('${path}') })`
  assert.deepEqual(await page.evaluate(query('/api/orders')), { method: 'GET', caller: 'somebody with a token', body: '' })
  let calls = 0
  page.on('request', (request) => (calls += request.url().endsWith('/refused') ? 1 : 0))
  assert.equal(await page.evaluate(`${query('/api/refused')}.catch(({ message }) => message)`), '401')
  assert.equal(calls, 1)
})

test('axios: a POST through the client', async () => {
  const answer = await page.evaluate("api.post('/orders', { item: 1 }).then(({ data }) => data)")
  assert.deepEqual(answer, { method: 'POST', caller: 'somebody with a token', body: '{"item":1}' })
})

test('Apollo: a query and a mutation', async () => {
  const ask = `Promise.all([
    apollo.query({ query: gql('query { caller }') }),
    apollo.mutate({ mutation: gql('mutation { rename }') }),
  ]).then((answers) => answers.map(({ data }) => data))`
  assert.deepEqual(await page.evaluate(ask), [{ caller: 'somebody with a token' }, { rename: 'somebody with a token' }])
})

test('urql: a query and a mutation', async () => {
  const ask = `Promise.all([urql.query('query { caller }', {}).toPromise(), urql.mutation('mutation { rename }', {}).toPromise()])
    .then((answers) => answers.map(({ data, error }) => data ?? String(error)))`
  assert.deepEqual(await page.evaluate(ask), [{ caller: 'somebody with a token' }, { rename: 'somebody with a token' }])
})

test('graphql-ws: a subscription over the WebSocket that the cookie opens', async () => {
  const ask = `(async () => {
    const seen = []
    for await (const { data } of subscriptions.iterate({ query: 'subscription { ticks }' })) seen.push(data.ticks)
    return seen
  })()`
  assert.deepEqual(await page.evaluate(ask), [1, 2])
})

test('SignalR: a hub that calls the page', async () => {
  const ask = `new Promise((resolve, reject) => {
    hub.on('told', resolve)
    hub.start().catch(reject)
  }).finally(() => hub.stop())`
  assert.equal(await page.evaluate(ask), 'somebody with a token')
})

test('Angular: HttpClient, as it is, sends the CSRF token with csrf.cookie', async () => {
  const start = `(async () => {
    const { injector } = await createApplication({
      providers: [provideZonelessChangeDetection(), provideHttpClient(withInterceptors([angular.noticeEnd]))],
    })
    window.http = injector.get(HttpClient)
  })()`
  await page.evaluate(start)
  assert.deepEqual(await page.evaluate(angularPost), { method: 'POST', caller: 'somebody with a token', body: '{"item":2}' })
})

const angularPost = `new Promise((resolve) =>
  http.post('/api/orders', { item: 2 }).subscribe({ next: resolve, error: ({ status }) => resolve(status) }))`

test('React, Vue, Svelte and Angular see the session, and its end as soon as a call tells', async () => {
  const sub = await page.evaluate(`(async () => {
    const root = document.body.appendChild(document.createElement('div'))
    createRoot(root).render(createElement(App))
    window.seen = { vue: [], svelte: [] }
    session.subscribe((known) => seen.svelte.push(known?.user.sub ?? known))
    watch(useBff().user, (user) => seen.vue.push(user?.sub ?? user), { immediate: true, flush: 'sync' })
    return (await bff.user()).sub
  })()`)
  await page.getByRole('button', { name: 'Log out' }).waitFor()
  await page.getByText('Your orders').waitFor()
  assert.equal(await page.evaluate("loggedIn({ fullPath: '/' })"), true)
  assert.equal(await page.evaluate('angular.session().user.sub'), sub)

  // The guard goes to the login: not now.
  await page.route('**/bff/login*', (route) => route.fulfill({ status: 204 }))
  await page.context().clearCookies()
  assert.equal(await page.evaluate(angularPost), 401)
  await page.getByRole('link', { name: 'Log in' }).waitFor()
  assert.equal(await page.getByText('Your orders').count(), 0)
  const ends = await page.evaluate('[seen.vue.at(-1), seen.svelte.at(-1), angular.session()]')
  assert.deepEqual(ends, [null, null, null])
  assert.ok((await page.evaluate('[seen.vue.at(-2), seen.svelte.at(-2)]')).every((seen) => seen === sub))
})

test('Vite: the page, calls and WebSockets of one origin through its proxy', async () => {
  const vitePort = await freePort()
  const viteOrigin = `http://localhost:${vitePort}`
  const behind = await setStage({}, { origin: viteOrigin })
  const source = readFileSync(`${folder}src/vite.config.ts`, 'utf8')
  const moved = source.replace('127.0.0.1:8080', `127.0.0.1:${behind.port}`).replace('5173', `${vitePort}`)
  assert.notEqual(moved, source)
  const { default: config } = await import(`data:text/javascript,${encodeURIComponent(moved)}`)
  const root = mkdtempSync(join(tmpdir(), 'coatcheck-vite-'))
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>Served by Vite</title>')
  const vite = await createServer({ ...config, configFile: false, root, logLevel: 'silent', cacheDir: join(root, 'cache') })
  try {
    await vite.listen()
    const tab = await behind.logIn()
    assert.equal(await tab.title(), 'Served by Vite')
    const post = `fetch('/bff/session').then((answer) => answer.json()).then(({ csrfToken }) =>
      fetch('/api/orders', { method: 'POST', headers: { 'X-CSRF-Token': csrfToken } })).then((answer) => answer.json())`
    assert.equal((await tab.evaluate(post)).caller, 'somebody with a token')
    const socket = `new Promise((resolve, reject) => {
      const socket = new WebSocket('ws://localhost:${vitePort}/api/hub')
      socket.onopen = () => socket.send('hello')
      socket.onmessage = ({ data }) => resolve(data)
      socket.onerror = () => reject(new Error('no WebSocket'))
    })`
    assert.match(await tab.evaluate(socket), /somebody with a token/)
  } finally {
    await vite.close()
    await behind.close()
    rmSync(root, { recursive: true, force: true })
  }
})
