import { connect, type Socket } from 'node:net'
import { block } from './volume-upstream.ts'

/** Sends a request whose body is so many blocks; gives everything that came back. */
export async function upload(port: number, head: string, blocks: number): Promise<string> {
  const socket = await open(port)
  const answer: Buffer[] = []
  socket.on('data', (chunk: Buffer) => answer.push(chunk))
  socket.write(head)
  let left = blocks
  const go = () => {
    while (left > 0) {
      left -= 1
      if (!socket.write(block)) return void socket.once('drain', go)
    }
  }
  go()
  await new Promise<void>((resolve, reject) => socket.once('end', resolve).once('error', reject))
  socket.destroy()
  return Buffer.concat(answer).toString('latin1')
}

/** Sends a request and counts the bytes of the body, of which it keeps none; resolves when the connection ends. */
export async function download(port: number, head: string): Promise<{ readonly head: string; readonly bodyBytes: number }> {
  const socket = await open(port)
  let start: Buffer | undefined = Buffer.alloc(0)
  const received = { head: '', bodyBytes: 0 }
  socket.on('data', (chunk: Buffer) => {
    if (start === undefined) {
      received.bodyBytes += chunk.length
      return
    }
    start = Buffer.concat([start, chunk])
    const end = start.indexOf('\r\n\r\n')
    if (end < 0) return
    received.head = start.toString('latin1', 0, end)
    received.bodyBytes = start.length - end - 4
    start = undefined
  })
  socket.write(head)
  await new Promise<void>((resolve, reject) => socket.once('end', resolve).once('error', reject))
  socket.destroy()
  return received
}

/** Sends a request and never reads the answer; gives a way to end the connection. */
export async function stall(port: number, head: string): Promise<() => void> {
  const socket = await open(port)
  socket.on('error', () => {})
  socket.write(head)
  await new Promise((resolve) => socket.once('readable', resolve))
  return () => void socket.destroy()
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}
