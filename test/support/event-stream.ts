import type { BrowserExchange } from './exchange.ts'

/** A text/event-stream as it comes in. */
export class EventStream {
  readonly answer: BrowserExchange
  readonly status: number
  readonly ended: Promise<boolean>

  constructor(answer: BrowserExchange) {
    this.answer = answer
    this.status = answer.status
    this.ended = answer.end
  }

  get text(): string {
    return this.answer.body.toString()
  }

  /** Waits until the text is in the stream; rejects where the stream ends before. */
  async until(text: string): Promise<string> {
    while (!this.text.includes(text)) {
      const news = new Promise<boolean>((resolve) => (this.answer.onData = () => resolve(true)))
      const more = await Promise.race([news, this.ended.then(() => false)])
      if (!more && !this.text.includes(text)) throw new Error(`the stream ended before "${text}": ${this.text}`)
    }
    return this.text
  }

  abort(): void {
    this.answer.abort()
  }
}
