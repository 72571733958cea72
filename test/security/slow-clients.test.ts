// L03: clients that send slowly, or nothing. Node CVE-2020-8251 and CVE-2018-12122, Traefik GHSA-cwjm-3f7h-9hwq (slow TLS handshakes).
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { eventually } from '../support/eventually.ts'

/** Sockets to a port, and how many of them are still open. */
async function sockets(
  port: number,
  count: number,
  first: string,
): Promise<{ all: Socket[]; open: () => number; answers: string[] }> {
  const answers: string[] = []
  const all = Array.from({ length: count }, () => connect({ host: '127.0.0.1', port }))
  await Promise.all(all.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  for (const [index, socket] of all.entries()) {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => (answers[index] = (answers[index] ?? '') + chunk.toString('latin1')))
    socket.write(first)
  }
  return { all, open: () => all.filter((socket) => !socket.destroyed && socket.readyState !== 'closed').length, answers }
}

test('a head that does not come to its end is given up, and others notice nothing of hundreds of such clients', async () => {
  const { app, browser } = await simulateInternet({ config: { limits: { headersTimeoutSeconds: 1 } } })
  const ada = browser()
  await ada.login(app)
  const slow = await sockets(app.port, 300, 'GET /public/x HTTP/1.1\r\nHost: app.test\r\nX-Slow: ')
  // A byte now and then is no progress that counts: the time is that of the whole head.
  const drip = setInterval(() => {
    for (const socket of slow.all) if (socket.writable) socket.write('a')
  }, 200)
  try {
    const times: number[] = []
    while (slow.open() > 0) {
      const started = performance.now()
      expect((await ada.fetch('/api/x')).status).toBe(200)
      times.push(performance.now() - started)
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (times.length > 300) throw new Error(`${slow.open()} slow connections are still open`)
    }
    expect(Math.max(...times)).toBeLessThan(1500)
    for (const answer of slow.answers.filter(Boolean)) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  } finally {
    clearInterval(drip)
    for (const socket of slow.all) socket.destroy()
  }
})

test('connections on which nothing is ever asked are closed', async () => {
  const { app } = await simulateInternet({ config: { limits: { headersTimeoutSeconds: 1 } } })
  const idle = await sockets(app.port, 100, '')
  try {
    await eventually(() => expect(idle.open()).toBe(0), 10_000)
  } finally {
    for (const socket of idle.all) socket.destroy()
  }
})
