import { expect } from 'vitest'
import type { Browser } from '../../support/browser.ts'
import type { Internet } from '../../support/internet.ts'

const yearSeconds = 365 * 86_400
// Many test files share two cores: what is slower than this was made slow by the case.
const slowestMs = 2_000

/** Somebody who goes on using the app, by a browser of their own, while a case makes trouble. */
export class Victim {
  readonly #user: Browser
  #work: Promise<void> | undefined
  #isOver = true
  #problems: string[] = []
  #slowestMs = 0

  private constructor(user: Browser) {
    this.#user = user
  }

  /** Its access token outlives every case, so that it never meets what a case does to refreshes. */
  static async login(internet: Internet): Promise<Victim> {
    const { provider, app } = internet
    const lifetimeSeconds = provider.settings.accessTokenLifetimeSeconds
    const before = provider.currentUser
    provider.settings.accessTokenLifetimeSeconds = yearSeconds
    provider.loginAs('grace')
    const user = internet.browser()
    await user.login(app, '/')
    expect(await user.session(), 'the victim is logged in').toMatchObject({ user: { sub: 'user-grace' } })
    provider.settings.accessTokenLifetimeSeconds = lifetimeSeconds
    provider.currentUser = before
    for (const calls of Object.values(provider.calls)) calls.length = 0
    return new Victim(user)
  }

  begin(): void {
    this.#problems = []
    this.#slowestMs = 0
    this.#isOver = false
    this.#work = this.#run()
  }

  async rest(): Promise<void> {
    this.#isOver = true
    await this.#work
  }

  /** Ends its traffic, and asserts that every call was answered as ever, and soon. */
  async expectUnharmed(): Promise<void> {
    await this.rest()
    await this.#call()
    expect(this.#problems, 'what the victim met').toEqual([])
    expect(this.#slowestMs, 'milliseconds of its slowest call').toBeLessThan(slowestMs)
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#call()
      // Leaves the processor to those who make trouble.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async #call(): Promise<void> {
    const startedMs = performance.now()
    try {
      const response = await this.#user.fetch('/victim/orders')
      if (response.status !== 200 || response.object()['sub'] !== 'user-grace')
        this.#problems.push(`${response.status} ${response.text.slice(0, 200)}`)
    } catch (error) {
      this.#problems.push(String(error))
    }
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs)
  }
}
