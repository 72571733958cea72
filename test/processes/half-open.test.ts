import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { rawRequest } from '../support/raw-client.ts'
import { deploy } from './support/deployment.ts'

const upgrade = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

const refused: Record<string, { readonly request: string; readonly status: number }> = {
  'an upgrade without a session': { request: rawRequest('GET', '/api/socket', upgrade), status: 401 },
  'headers that are too large': { request: rawRequest('GET', '/api/x', [`X-Large: ${'x'.repeat(40_000)}`]), status: 431 },
  'no HTTP at all': { request: 'hello\r\n\r\n', status: 400 },
}

test.runIf(process.platform === 'linux').each(Object.entries(refused))(
  'a client that is refused for %s and keeps its side open takes no connection away',
  async (_what, { request, status }) => {
    const deployment = await deploy()
    const user = await deployment.user('ada')
    const { process: gateway } = deployment.node()
    const before = gateway.openFiles
    for (let index = 0; index < 20; index += 1) {
      const connection = await deployment.connect()
      connection.send(request)
      expect((await connection.response()).status).toBe(status)
    }
    await eventually(() => expect(gateway.openFiles).toBeLessThan(before + 10))
    expect((await user.fetch('/api/x')).status).toBe(200)
  },
)
