import { beforeAll, expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'

// The corpus of the catalogue, sections A01 to A07: what stands there must end on the own origin, at `/`.
const foreign = [
  'https://evil.test/',
  '//evil.test/',
  '///evil.test',
  'https:evil.test',
  '/\\evil.test',
  '/%5Cevil.test',
  '\\/evil.test',
  '/\\/evil.test',
  '\\\\evil.test',
  '/x/..//evil.test',
  '/.//evil.test',
  '/./\\evil.test',
  '/%2e%2e//evil.test',
  '@evil.test',
  '.evil.test',
  ':443@evil.test',
  '%2F%2Fevil.test',
  '%252F%252Fevil.test',
  '/%2Fevil.test',
  '/%252fevil.test',
  'https://evilapp.test',
  'https://app.test.evil.test',
  'https://evil.test/?app.test',
  'https://evil.test\\.app.test/',
  'javascript:alert(1)//x',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r\nLocation: https://evil.test',
  ' //evil.test',
  '/\u560d\u560aSet-Cookie:x=1',
  '//evil.test:80/',
  '/\0/evil.test',
]
const own = ['/', '/x', '/x?a=1&b=%2F%2Fevil.test', '/x?next=https://evil.test/', '/a/b#c?d', '/#/route', '/caf%C3%A9', '/a%20b']

beforeAll(() => {
  expect(new Set(foreign).size).toBe(foreign.length)
})

test('nothing leads to another site', async () => {
  const { app, browser } = await simulateInternet()
  for (const returnTo of foreign) {
    const ada = browser()
    const response = await ada.login(app, returnTo)
    const host = new URL(ada.tab.url).host
    expect(host, JSON.stringify(returnTo)).toBe('app.test')
    for (const hop of response.hops)
      expect(hop.head.toLowerCase(), JSON.stringify(returnTo)).not.toMatch(
        /^(set-cookie: x|location: [^/h]|(location|refresh).*evil)/m,
      )
    ada.close()
  }
})

test.each(own)('keeps %s', async (returnTo) => {
  const { app, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app, returnTo)
  expect(ada.tab.url).toBe(app.url + returnTo)
})

test('two returnTo parameters, or one that is far too long, are refused or safe', async () => {
  const { app, browser } = await simulateInternet()
  const twice = await browser().navigate(`${app.url}/bff/login?returnTo=/ok&returnTo=/ok`)
  expect(twice.status, 'also where both are the same').toBe(400)
  for (const query of ['returnTo=/ok&returnTo=//evil.test', 'returnTo[]=//evil.test', `returnTo=/${'a'.repeat(12_000)}`]) {
    const ada = browser()
    const response = await ada.navigate(`${app.url}/bff/login?${query}`)
    if (response.status === 200) expect(['/', '/ok']).toContain(new URL(ada.tab.url).pathname)
    else expect([400, 414]).toContain(response.status)
    ada.close()
  }
})

test('the landing page and the error page judge their returnTo themselves', async () => {
  const { app, browser } = await simulateInternet()
  for (const path of ['/bff/landing', '/bff/error']) {
    for (const returnTo of foreign) {
      const ada = browser()
      const query = new URLSearchParams({ code: 'login_failed', returnTo })
      const response = await ada.navigate(`${app.url}${path}?${query.toString()}`)
      expect(
        response.hops.every(({ url }) => url.host === 'app.test'),
        `${path} ${JSON.stringify(returnTo)}`,
      ).toBe(true)
      for (const hop of response.hops) expect(hop.body.toString(), returnTo).not.toMatch(/href="[^"]*(evil|javascript:|data:)/i)
      ada.close()
    }
  }
})
