import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'

test('the admin listener counts what happens, by labels that no client can make', async () => {
  const internet = await simulateInternet({ config: { admin: { host: '127.0.0.1', port: 0 } } })
  const adminUrl = internet.nodes[0]?.gateway.adminUrl ?? ''
  const ada = internet.browser()
  await ada.login(internet.app)
  for (let i = 0; i < 3; i += 1) await ada.fetch(`/api/made-up-${i}`)
  await ada.fetch('/api/a', { method: 'POST' })
  await internet.browser().fetch('/api/a')
  await ada.fetch('/bff/logout', { method: 'POST', csrf: true })

  const answer = await fetch(`${adminUrl}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/)
  const text = await answer.text()
  expect(text).toContain('coatcheck_proxied_calls_total{route="/api/",outcome="2xx"} 3')
  expect(text).toContain('coatcheck_proxied_call_seconds_count{route="/api/"} 3')
  for (const event of ['login', 'logout', 'csrf_refused'])
    expect(text).toContain(`coatcheck_audit_events_total{event="${event}"} 1`)
  for (const code of ['csrf_failed', 'session_required'])
    expect(text).toContain(`coatcheck_refused_requests_total{code="${code}"} 1`)
  expect(text).toContain('coatcheck_process_cpu_seconds_total')
  expect(text).not.toContain('made-up')
  expect(text).not.toContain('user-ada')
})

test('live, ready, and nothing else; and nothing of it on the public listener', async () => {
  const internet = await simulateInternet({ config: { admin: { host: '127.0.0.1', port: 0 } } })
  const adminUrl = internet.nodes[0]?.gateway.adminUrl ?? ''
  const status = async (path: string, init?: RequestInit): Promise<number> => (await fetch(adminUrl + path, init)).status
  expect(await status('/live')).toBe(200)
  expect(await status('/ready')).toBe(200)
  expect(await status('/')).toBe(404)
  expect(await status('/bff/session')).toBe(404)
  expect(await status('/live', { method: 'POST' })).toBe(405)
  const { check } = internet.store
  internet.store.check = () => {
    throw new Error('disk on fire')
  }
  expect(await status('/ready')).toBe(503)
  expect(await status('/live')).toBe(200)
  internet.store.check = check
  expect(await status('/ready')).toBe(200)
})
