import { connect, type Socket } from 'node:net'
import { printResult, quantile } from './result.ts'

/**
 * RATE calls a second for SECONDS, over CONNECTIONS kept connections, each timed from the moment at which it was due: a call
 * that had to wait for a connection has waited. URL and HEADERS (JSON) come from the environment. Sockets and not a client
 * library, because the load must not be what is slow.
 */
const url = new URL(process.env['URL'] ?? '')
const headers = JSON.parse(process.env['HEADERS'] ?? '{}') as Record<string, string>
const rate = Number(process.env['RATE'])
const durationMs = Number(process.env['SECONDS']) * 1000
const connections = Number(process.env['CONNECTIONS'] ?? 64)

const lines = [
  `GET ${url.pathname} HTTP/1.1`,
  `Host: ${url.host}`,
  ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
]
const call = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')

interface Line {
  readonly socket: Socket
  /** When the call under way was due; 0 while there is none. */
  dueMs: number
  /** Bytes of an answer, once one is known: they are all of one length. */
  length: number
  received: number
}

const sockets: Socket[] = []
const free: Line[] = []
const waiting: number[] = []
const waits: number[] = []
let [count, bytes, broken, refused, open] = [0, 0, 0, 0, 0]

function send(line: Line, dueMs: number): void {
  line.dueMs = dueMs
  line.received = 0
  line.socket.write(call)
}

function take(line: Line, chunk: Buffer): void {
  if (line.received === 0) {
    const head = chunk.toString('latin1', 0, chunk.indexOf('\r\n\r\n') + 4)
    if (!head.startsWith('HTTP/1.1 2')) refused += 1
    line.length = head.length + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
  }
  line.received += chunk.length
  bytes += chunk.length
  if (line.received < line.length) return
  count += 1
  waits.push((performance.now() - line.dueMs) * 1000)
  line.dueMs = 0
  const next = waiting.shift()
  if (next === undefined) free.push(line)
  else send(line, next)
}

await Promise.all(
  Array.from({ length: connections }, () => {
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
    sockets.push(socket)
    const line: Line = { socket, dueMs: 0, length: 0, received: 0 }
    socket.on('data', (chunk: Buffer) => take(line, chunk))
    socket.on('error', () => (broken += 1))
    return new Promise<void>((resolve) => {
      socket.once('connect', () => {
        open += 1
        free.push(line)
        resolve()
      })
      socket.once('error', () => resolve())
    })
  }),
)
if (open === 0) throw new Error(`nobody listens at ${url.host}`)

const startedMs = performance.now()
let due = 0
function pace(): void {
  const nowMs = performance.now()
  const until = Math.min(nowMs - startedMs, durationMs)
  for (; (due * 1000) / rate <= until; due++) {
    const dueMs = startedMs + (due * 1000) / rate
    const line = free.pop()
    if (line === undefined) waiting.push(dueMs)
    else send(line, dueMs)
  }
  if (nowMs - startedMs < durationMs) setImmediate(pace)
  else setTimeout(finish, 200)
}

function finish(): void {
  printResult({
    count,
    microseconds: Math.round(durationMs * 1000),
    bytes,
    p50: Math.round(quantile(waits, 0.5)),
    p99: Math.round(quantile(waits, 0.99)),
    broken,
    refused,
  })
  for (const socket of sockets) socket.destroy()
}
pace()
