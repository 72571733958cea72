/** No node trusts for longer than this, whatever it says. */
const longestTrustMs = 2000

/** Allowance for timers and for clocks that do not run at quite the same speed. */
const marginMs = 50

/** From this many on, those that fell silent are looked for with every beat and not only with a write. */
const manyNodes = 64

interface Announced {
  /** Nodes that have not confirmed yet, and until when they may trust what they read before; absent until it came back. */
  waitingFor: Map<string, number> | undefined
  wake: () => void
}

/**
 * Who may still trust what was read before a write, and until when.
 *
 * Notifications arrive everywhere in one order, that of the commits. So when an announcement comes back to the node that
 * made it, that node has heard each beat that was sent before the write, and with it of every node that could have read the
 * record as it was: each of them either confirms, or stops trusting by itself when its last beat is `trustMs` old.
 */
export class PostgresPeers {
  readonly #now: () => number
  readonly #trustMs: number
  readonly #untilMs = new Map<string, number>()
  readonly #announced = new Map<string, Announced>()
  #completeAtMs: number | undefined

  /** `now` is monotonic. */
  constructor(trustMs: number, now: () => number) {
    this.#trustMs = trustMs
    this.#now = now
  }

  /** From now on every beat is heard; `undefined` when that ends. */
  setListening(isListening: boolean): void {
    this.#completeAtMs = isListening ? this.#now() + this.#trustMs + marginMs : undefined
    this.#untilMs.clear()
    for (const announced of this.#announced.values()) announced.waitingFor = undefined
  }

  beat(node: string, trustMs: number, heard: readonly string[]): void {
    if (this.#untilMs.size >= manyNodes) this.#forgetSilent()
    this.#untilMs.set(node, this.#now() + Math.min(trustMs, longestTrustMs) + marginMs)
    for (const announcement of heard) this.#confirm(announcement, node)
  }

  left(node: string): void {
    this.#untilMs.delete(node)
    for (const announcement of this.#announced.keys()) this.#confirm(announcement, node)
  }

  /** To be called before the write. */
  expect(announcement: string): void {
    this.#announced.set(announcement, { waitingFor: undefined, wake: () => undefined })
  }

  forget(announcement: string): void {
    this.#announced.delete(announcement)
  }

  /** Whether the announcement is one of this node's own writes. */
  cameBack(announcement: string): boolean {
    const announced = this.#announced.get(announcement)
    if (announced === undefined) return false
    this.#forgetSilent()
    announced.waitingFor = new Map(this.#untilMs)
    // Nodes whose beats were sent before this one listened.
    if (this.#completeAtMs !== undefined && this.#now() < this.#completeAtMs) announced.waitingFor.set('', this.#completeAtMs)
    announced.wake()
    return true
  }

  /** Resolves when no node trusts what was there before the write, which was answered at this moment. */
  async settled(announcement: string): Promise<void> {
    const announced = this.#announced.get(announcement)
    if (announced === undefined) return
    const endMs = this.#now() + this.#trustMs + marginMs
    for (;;) {
      const { waitingFor } = announced
      const untilMs = waitingFor === undefined ? endMs : Math.max(-Infinity, ...waitingFor.values())
      const leftMs = untilMs - this.#now()
      if (leftMs <= 0) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        announced.wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  #forgetSilent(): void {
    const now = this.#now()
    for (const [node, untilMs] of this.#untilMs) if (untilMs <= now) this.#untilMs.delete(node)
  }

  #confirm(announcement: string, node: string): void {
    const announced = this.#announced.get(announcement)
    if (announced?.waitingFor?.delete(node) === true) announced.wake()
  }
}
