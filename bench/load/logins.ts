import { login } from '../login.ts'
import { printResult, quantile } from './result.ts'

/** Whole logins one after the other, four at a time, for SECONDS. URL and ISSUER come from the environment. */
const [url, issuer] = [process.env['URL'] ?? '', process.env['ISSUER'] ?? '']
const startedAt = performance.now()
const endsAt = startedAt + Number(process.env['SECONDS']) * 1000
const waits: number[] = []
let broken = 0

async function loginUntilOver(): Promise<void> {
  while (performance.now() < endsAt) {
    const beganAt = performance.now()
    try {
      await login(url, issuer)
      waits.push((performance.now() - beganAt) * 1000)
    } catch (error) {
      broken += 1
      if (broken === 1) process.stderr.write(`${String(error)}\n`)
    }
  }
}

await Promise.all(Array.from({ length: 4 }, loginUntilOver))
printResult({
  count: waits.length,
  microseconds: Math.round((performance.now() - startedAt) * 1000),
  bytes: 0,
  p50: quantile(waits, 0.5),
  p99: quantile(waits, 0.99),
  broken,
  refused: 0,
})
