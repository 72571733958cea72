import { expect } from 'vitest'
import type { Browser } from '../../support/browser.ts'
import { pageRequest, type Deployment } from './deployment.ts'

/** Somebody who goes on using the app on a kept connection while others make trouble. */
export class Victim {
  readonly #work: Promise<void>
  #isOver = false
  #calls = 0
  #slowestMs = 0
  #problem: string | undefined

  constructor(deployment: Deployment, user: Browser) {
    this.#work = this.#run(deployment, user)
  }

  get slowestMs(): number {
    return this.#slowestMs
  }

  get calls(): number {
    return this.#calls
  }

  /** Resolves when one more call has begun and ended. */
  async goesOn(): Promise<void> {
    const target = this.#calls + 2
    while (this.#calls < target && this.#problem === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(this.#problem, 'what the victim met').toBeUndefined()
  }

  /** Ends it, and asserts that every call was answered as ever, soon, on the one connection. */
  async expectUnharmed(): Promise<void> {
    this.#isOver = true
    await this.#work
    expect(this.#problem, 'what the victim met').toBeUndefined()
    expect(this.#calls).toBeGreaterThan(0)
    expect(this.#slowestMs, 'milliseconds of its slowest call').toBeLessThan(1_000)
  }

  async #run(deployment: Deployment, user: Browser): Promise<void> {
    try {
      const connection = await deployment.connect()
      while (!this.#isOver) {
        const startedMs = performance.now()
        connection.send(pageRequest(user, 'GET', '/api/victim'))
        const { status, text } = await connection.response()
        this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedMs)
        if (status !== 200 || text !== 'all is well') throw new Error(`${status} ${text}`)
        this.#calls += 1
        // Leaves the processor to those who make trouble.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    } catch (error) {
      this.#problem = String(error)
    }
  }
}
