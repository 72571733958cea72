import { request as httpRequest } from 'node:http'
import { WebSocket } from 'ws'
import { printResult, quantile } from './result.ts'

/**
 * Many streams at once, for SECONDS after all are open: `events` counts server-sent events as they arrive, `messages`
 * sends one message at a time over each WebSocket and waits for its echo. URL and HEADERS (JSON) come from the environment.
 */
const [kind, connections] = [process.argv[2], Number(process.argv[3])]
const url = process.env['URL'] ?? ''
const headers = JSON.parse(process.env['HEADERS'] ?? '{}') as Record<string, string>
const durationMs = Number(process.env['SECONDS']) * 1000

let [count, bytes, broken, refused] = [0, 0, 0, 0]
let isMeasured = false
let isOver = false
const waits: number[] = []
const open: { end(): unknown }[] = []

function openEvents(): Promise<void> {
  return new Promise((resolve) => {
    const call = httpRequest(url, { headers, agent: false }, (res) => {
      if (res.statusCode !== 200) refused += 1
      res.on('data', (chunk: Buffer) => {
        if (!isMeasured) return
        bytes += chunk.length
        // Each event is one `data:` line.
        for (let at = chunk.indexOf('data:'); at >= 0; at = chunk.indexOf('data:', at + 5)) count += 1
      })
      resolve()
    })
    call.on('error', () => {
      if (!isOver) broken += 1
      resolve()
    })
    call.end()
    open.push({ end: () => call.destroy() })
  })
}

function openEcho(): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers, perMessageDeflate: false })
    open.push({ end: () => socket.terminate() })
    let sentAt = 0
    const send = (): void => {
      sentAt = performance.now()
      socket.send('0123456789abcdef'.repeat(4))
    }
    socket.on('open', () => {
      resolve()
      send()
    })
    socket.on('message', (data: Buffer) => {
      if (isMeasured) {
        count += 1
        bytes += data.length
        waits.push((performance.now() - sentAt) * 1000)
      }
      if (!isOver) send()
    })
    socket.on('error', () => {
      if (!isOver) broken += 1
      resolve()
    })
  })
}

await Promise.all(Array.from({ length: connections }, kind === 'events' ? openEvents : openEcho))
const startedAt = performance.now()
isMeasured = true
setTimeout(() => {
  isMeasured = false
  const microseconds = Math.round((performance.now() - startedAt) * 1000)
  printResult({ count, microseconds, bytes, p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), broken, refused })
  isOver = true
  for (const stream of open) stream.end()
}, durationMs)
