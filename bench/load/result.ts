/** What a slice of load did, as its program prints it in one line of JSON. */
export interface LoadResult {
  /** Calls, events, messages or logins that came back whole. */
  readonly count: number
  readonly microseconds: number
  readonly bytes: number
  /** Of the time to an answer, in microseconds; of events, 0. */
  readonly p50: number
  readonly p99: number
  /** Connections that failed. */
  readonly broken: number
  /** Answers that were not 2xx. */
  readonly refused: number
}

/** Prints a result so that `readResult` finds it. */
export function printResult(result: LoadResult): void {
  process.stdout.write(`\nJSON ${JSON.stringify(result)}\n`)
}

export function readResult(text: string): LoadResult {
  const json = /JSON (\{.*\})/.exec(text)?.[1]
  if (json === undefined) throw new Error(`the load printed no result:\n${text}`)
  return JSON.parse(json) as LoadResult
}

/** The value below which so large a share of the sorted values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
