import { createServer, type ServerResponse } from 'node:http'
import { WebSocketServer } from 'ws'

/** The upstream of streams: 20 server-sent events a second to everybody who listens, and an echo over WebSockets. */
const eventsPerSecond = 20
const event = `data: ${'x'.repeat(120)}\n\n`
const listeners = new Set<ServerResponse>()

const server = createServer((_req, res) => {
  res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  res.flushHeaders()
  listeners.add(res)
  res.on('close', () => listeners.delete(res))
})
setInterval(() => {
  for (const res of listeners) res.write(event)
}, 1000 / eventsPerSecond)

const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(data, { binary: false }))
  socket.on('error', () => socket.terminate())
})
server.listen(Number(process.env['PORT']), '127.0.0.1', 4096)
