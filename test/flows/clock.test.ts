import { expect, test } from 'vitest'
import { createTestClock } from '../support/clock.ts'
import { simulateInternet } from '../support/internet.ts'

test.each([-300_000, 300_000, -3_600_000])(
  'a step of the clock by %d ms logs nobody out for good and makes nobody immortal',
  async (stepMs) => {
    const { app, clock, browser } = await simulateInternet({
      config: { session: { idleTimeoutSeconds: 1800, lifetimeSeconds: 7200 } },
    })
    const ada = browser()
    await ada.login(app)
    clock.advance(stepMs)
    expect((await ada.fetch('/api/a')).status).toBe(200)
    clock.advance(7_200_000 - stepMs)
    expect((await ada.fetch('/api/a')).status).toBe(401)
    await ada.login(app)
    expect(await ada.session()).toMatchObject({ authenticated: true })
  },
)

test.each([
  [20_000, true],
  [-20_000, true],
  [600_000, false],
  [-700_000, false],
])('a provider whose clock is off by %d ms: login %s', async (offMs, works) => {
  const providerClock = createTestClock()
  providerClock.advance(offMs)
  const { app, browser } = await simulateInternet({ providerClock })
  const ada = browser()
  await ada.login(app)
  expect((await ada.session())['authenticated']).toBe(works)
})
