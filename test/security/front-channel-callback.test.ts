// B01, B03, B06, B07, B09: hostile callbacks. Envoy CVE-2023-27496 (crash), oauth2-proxy issue 2311 (index panic),
// pac4j-oidc CVE-2026-82462 (front-channel tokens), mod_auth_openidc CVE-2025-3891 (empty POST) and its changes of 08/12/2026.
import { expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { beginLogin } from './support/begin-login.ts'

const scene = hostileScene()

const form = 'Content-Type: application/x-www-form-urlencoded'

test.each([
  ['an empty body', [form], ''],
  ['no Content-Type', [], 'code=x&state=y'],
  ['JSON', ['Content-Type: application/json'], '{"code":"x","state":"y"}'],
  [
    'multipart',
    ['Content-Type: multipart/form-data; boundary=b'],
    '--b\r\ncontent-disposition: form-data; name="code"\r\n\r\nx\r\n--b--',
  ],
  ['text/plain', ['Content-Type: text/plain'], 'code=x&state=y'],
  ['a bare content type', ['Content-Type: application'], 'code=x&state=y'],
  ['another charset', [`${form}; charset=utf-16`], 'code=x&state=y'],
  ['bytes that are no UTF-8', [form], 'code=\xff\xfe&state=\xc3\x28'],
  ['a prototype as names', [form], '__proto__=x&constructor=y&state=z'],
  ['percent signs', [form], 'code=%&state=%zz'],
])('a POST with %s ends at the error page without a call to the provider', async (_what, headers, body) => {
  const response = await scene.raw(rawRequest('POST', '/bff/callback', headers, body), { method: 'POST' })
  expect([303, 400, 405, 413, 415]).toContain(response.status)
  if (response.status === 303) expect(response.header('location')).toMatch(/^\/bff\/error\?code=/)
  expect(response.header('set-cookie')).toBeUndefined()
  expect(scene.internet.provider.calls.token).toEqual([])
})

test.each(['declared', 'chunked'])('a POST of 10 MB (%s) is stopped early', async (how) => {
  const connection = await scene.connect()
  const length = how === 'declared' ? [`Content-Length: ${10 * 1024 * 1024}`] : ['Transfer-Encoding: chunked']
  connection.send(rawRequest('POST', '/bff/callback', [form, ...length]))
  const part = `code=${'x'.repeat(256 * 1024 - 5)}`
  connection.send(how === 'declared' ? part : `${(256 * 1024).toString(16)}\r\n${part}\r\n`)
  const response = await connection.response('POST')
  expect([303, 413]).toContain(response.status)
  expect(scene.internet.provider.calls.token).toEqual([])
})

test.each([
  ['the code in both', (q: URLSearchParams) => [q.toString(), `code=${q.get('code')}`]],
  ['the state in both', (q: URLSearchParams) => [q.toString(), `state=${q.get('state')}`]],
  ['another state in the form', (q: URLSearchParams) => [q.toString(), 'state=x']],
  ['an unknown parameter twice', (q: URLSearchParams) => [`${q.toString()}&foo=1&foo=2`, '']],
  ['an error beside the code', (q: URLSearchParams) => [`${q.toString()}&error=access_denied`, '']],
  ['code in other spelling too', (q: URLSearchParams) => [`${q.toString()}&%63ode=${q.get('code')}`, '']],
  ['code as a list', (q: URLSearchParams) => [q.toString().replace('code=', 'code[]='), '']],
  ['an ID token beside the code', (q: URLSearchParams) => [`${q.toString()}&id_token=x`, '']],
  ['an access token in the form', (q: URLSearchParams) => [q.toString(), 'access_token=x']],
  ['no code, an access token', (q: URLSearchParams) => [`state=${q.get('state')}&access_token=x&token_type=Bearer`, '']],
])('%s: no session', async (_what, change) => {
  const { internet } = scene
  const ada = internet.browser()
  const callback = await beginLogin(internet, ada)
  const [query, body] = change(callback.searchParams)
  const method = body === '' ? 'GET' : 'POST'
  const headers = [scene.cookieLine(ada), ...(body === '' ? [] : [form])]
  const response = await scene.raw(rawRequest(method, `/bff/callback?${query}`, headers, body), { method })
  expect(response.status).toBe(303)
  expect(response.header('location')).toMatch(/^\/bff\/error\?code=/)
  expect(response.header('set-cookie') ?? '').not.toMatch(/coatcheck=[^;]/)
})

test.each(['a'.repeat(64 * 1024), '%00'.repeat(5000), ':', '.', 'a.b.c', '%ff', '__proto__', 'constructor', '..%2f', '%0d%0a'])(
  'the state %.12s is refused soon, without a call to the provider',
  async (state) => {
    const startedMs = performance.now()
    const response = await scene.raw(rawRequest('GET', `/bff/callback?code=x&state=${state}`))
    expect([303, 400, 414, 431]).toContain(response.status)
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(scene.internet.provider.calls.token).toEqual([])
  },
)

test('HEAD and OPTIONS with a good code neither spend it nor log in; the code works afterwards', async () => {
  const { internet } = scene
  const ada = internet.browser()
  const callback = await beginLogin(internet, ada)
  for (const method of ['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
    const response = await scene.raw(rawRequest(method, callback.pathname + callback.search, [scene.cookieLine(ada)]), { method })
    expect(response.status, method).toBe(405)
    expect(internet.provider.calls.token).toEqual([])
  }
  await ada.tab.submitForm()
  expect(await ada.session()).toMatchObject({ authenticated: true })
})
