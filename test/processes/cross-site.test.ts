import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { deploy, pageRequest, sessionCookie } from './support/deployment.ts'
import { rawRequest } from '../support/raw-client.ts'

const sibling = 'https://shop.app.test'
const stranger = 'https://evil.test'

test('a POST that does not prove that it comes from the app is 403 and reaches nobody', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const other = await deployment.user('grace')
  const token = String((await user.session())['csrfToken'])
  const foreignToken = String((await other.session())['csrfToken'])
  const { upstream } = deployment
  const before = upstream.requests.length
  const cookie = `Cookie: ${sessionCookie}=${user.jar.get(sessionCookie)?.value ?? ''}`
  const from = (site: string, origin: string) => [cookie, `Origin: ${origin}`, `Sec-Fetch-Site: ${site}`]
  const withToken = `X-CSRF-Token: ${token}`
  const refused: Record<string, readonly string[]> = {
    'the own page without the token': from('same-origin', 'https://app.test'),
    'the own page with an empty token': [...from('same-origin', 'https://app.test'), 'X-CSRF-Token:'],
    'the own page with the token of another session': [
      ...from('same-origin', 'https://app.test'),
      `X-CSRF-Token: ${foreignToken}`,
    ],
    'another site': from('cross-site', stranger),
    'another site that got hold of the token': [...from('cross-site', stranger), withToken],
    'a sibling subdomain': from('same-site', sibling),
    'a sibling subdomain that got hold of the token': [...from('same-site', sibling), withToken],
    'a page of no origin': [...from('cross-site', 'null'), withToken],
    'a typed address': [cookie, 'Sec-Fetch-Site: none', withToken],
    'an old browser on another site': [cookie, `Origin: ${stranger}`, withToken],
    'an old browser that names no origin': [cookie, withToken],
  }
  for (const [what, headers] of Object.entries(refused)) {
    for (const path of ['/api/orders', '/bff/logout']) {
      const response = await deployment.exchange(rawRequest('POST', path, headers, '{"amount":1}'), { method: 'POST' })
      expect(response.status, `${what}, ${path}`).toBe(403)
      expect(JSON.parse(response.text), what).toMatchObject({ code: 'csrf_failed' })
      expect(response.header('set-cookie'), what).toBeUndefined()
    }
  }
  expect(upstream.requests).toHaveLength(before)
  const refusals = Object.keys(refused).length * 2
  await eventually(() => expect(deployment.logs.events('csrf_refused')).toHaveLength(refusals))

  const allowed = await deployment.exchange(
    pageRequest(user, 'POST', '/api/orders', ['Origin: https://app.test', withToken], '{"amount":1}'),
    { method: 'POST' },
  )
  expect(allowed.status).toBe(200)
  expect(upstream.requests).toHaveLength(before + 1)
})

test('forms and scripts of foreign pages in the browser of a user reach nobody', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const before = deployment.upstream.requests.length
  expect((await user.newTab().submit('/api/orders', { amount: '1' }, { from: sibling })).status).toBe(403)
  expect((await user.newTab().submit('/bff/logout', {}, { from: sibling })).status).toBe(403)
  // A Strict cookie does not come along from another site: there is nobody to act for.
  expect((await user.newTab().submit('/api/orders', { amount: '1' }, { from: stranger })).status).toBe(401)
  for (const from of [sibling, stranger]) {
    const options = { from, method: 'POST', body: 'amount=1', mode: 'no-cors', credentials: 'include' } as const
    expect([401, 403]).toContain((await user.newTab().fetch('/api/orders', options)).status)
    const scripted = { from, method: 'POST', headers: { 'X-CSRF-Token': 'x' }, credentials: 'include' } as const
    await expect(user.newTab().fetch('/api/orders', scripted)).rejects.toThrow('CORS')
    await expect(user.newTab().webSocket('/api/socket', { from })).rejects.toThrow(from === sibling ? '403' : '401')
  }
  expect(deployment.upstream.requests).toHaveLength(before)
  expect(await user.session()).toMatchObject({ authenticated: true })
})
