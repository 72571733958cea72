// Broken requests at a running gateway, with the checks that hold after every attack. A few seconds of it here, the same each time;
// `npm run fuzz` goes on for ten minutes. A failure prints its seed and what the last clients sent.
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { rawConnect } from '../support/raw-client.ts'
import { expectAlive, expectNoServerError, expectSafe } from '../support/safety.ts'
import { brokenClients, type BrokenClient } from './support/broken-requests.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 6)
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_125)
const clientsAtOnce = 24
/** Where a broken request lacks an end nobody answers: that is right, and not waited for. */
const patienceMs = 60

async function play(port: number, { bytes, cuts, pauseMs, leave }: BrokenClient): Promise<string> {
  const connection = await rawConnect(port)
  const edges = [0, ...cuts, bytes.length]
  for (let index = 1; index < edges.length; index++) {
    const piece = bytes.subarray(edges[index - 1], edges[index])
    if (piece.length > 0) connection.send(piece)
    if (index < edges.length - 1) await delay(pauseMs)
  }
  if (leave === 'reset') {
    connection.reset()
    return ''
  }
  if (leave === 'halfClose') connection.halfClose()
  await Promise.race([connection.closed, delay(patienceMs)])
  const received = connection.received().toString('latin1')
  connection.reset()
  return received
}

test(`${seconds} s of broken requests harm nobody`, { timeout: seconds * 1000 + 120_000 }, async ({ annotate }) => {
  scene.allow({ leftOver: true })
  const { app, nodes, provider, upstream, logs, browsers } = scene.internet
  const session = await rawSession(scene)
  const port = nodes[0]?.port ?? 0
  let played = 0
  const statuses = new Map<string, number>()
  let last: readonly BrokenClient[] = []
  const result = await fc.check(
    fc.asyncProperty(
      fc.array(brokenClients(session), { minLength: clientsAtOnce, maxLength: clientsAtOnce }),
      async (clients) => {
        last = clients
        const answers = await Promise.all(clients.map((client) => play(port, client)))
        played += clients.length
        for (const [, status = ''] of answers.join('\r\n').matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
        const texts = answers.join('')
        expect(texts).not.toMatch(/HTTP\/1\.1 5\d\d |\n\s+at .+:\d+:\d+/)
        const watched = { app: app.url, provider, upstream, logs, browsers, raw: [] }
        expectSafe(watched)
        expectNoServerError(watched)
        for (const [secret] of provider.issued) expect(texts.includes(secret), 'a token went out').toBe(false)
        // What is smuggled would be a request that nobody was let through for: without a token, or to where only a role leads.
        for (const request of upstream.requests) {
          if (!request.target.startsWith('/public/') && !request.target.startsWith('/optional/'))
            expect(request.bearer).toBeDefined()
          expect(request.headers.filter(([name]) => /^host$/i.test(name))).toHaveLength(1)
          expect(request.header('cookie') ?? '').not.toContain('coatcheck')
        }
        upstream.requests.length = 0
        await expectAlive(port)
      },
    ),
    {
      seed,
      numRuns: Number.MAX_SAFE_INTEGER,
      plugins: [fc.interruptAfterTimeLimit(seconds * 1000)],
      endOnFailure: true,
    },
  )
  if (result.failed) {
    const sent = last.map(
      ({ bytes, cuts, leave }) => `${leave} ${JSON.stringify(cuts)} ${JSON.stringify(bytes.toString('latin1').slice(0, 600))}`,
    )
    throw new Error(`seed ${seed}, ${played} clients; the last ones:\n${sent.join('\n')}`, { cause: result.errorInstance })
  }
  await annotate(`seed ${seed}: ${played} clients, answers ${JSON.stringify(Object.fromEntries(statuses))}`)
  expect(played).toBeGreaterThan(clientsAtOnce * 5)
  expect(statuses.size, 'the fuzzer reaches all kinds of answers').toBeGreaterThan(5)
})
