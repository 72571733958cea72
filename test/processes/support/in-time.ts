/** The result of some work, or an error that says what did not happen in time. */
export async function inTime<T>(work: Promise<T>, what: string, withinMs = 10_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${withinMs} ms: ${what}`)), withinMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
