import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { ServerOptions } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Config } from '../config/schema.ts'
import { belongTogether, certificateProblem, isPem, privateKeyProblem } from '../config/keys.ts'
import { fileTrouble } from '../config/interpolate.ts'
import type { Logger } from '../log.ts'

type TlsConfig = NonNullable<Config['tls']>

/** A certificate with its chain, and its private key: PEM. */
export interface Credentials {
  readonly cert: string
  readonly key: string
}

/** How often the files are looked at. Renewals come days ahead of the expiry. */
const lookEveryMs = 2_000

/** What the options name: PEM as it is, or the content of files. Throws where that cannot be used. */
export async function readCredentials(tls: TlsConfig): Promise<Credentials> {
  const read = async (name: 'cert' | 'key', text: string): Promise<string> => {
    if (isPem(text)) return text
    try {
      return await readFile(text, 'utf8')
    } catch (error) {
      throw new Error(`tls.${name} needs the file ${JSON.stringify(text)}, ${fileTrouble(error)}`, { cause: error })
    }
  }
  const [cert, key] = await Promise.all([read('cert', tls.cert), read('key', tls.key.reveal())])
  const problem = certificateProblem(cert) ?? privateKeyProblem(key)
  if (problem !== undefined) throw new Error(`${certificateProblem(cert) === undefined ? 'tls.key' : 'tls.cert'} ${problem}`)
  if (!belongTogether(cert, key)) throw new Error('tls.cert and tls.key do not belong together')
  return { cert, key }
}

/**
 * A server that takes HTTP/1.1 by itself and gives connections that chose HTTP/2 away (ALPN, RFC 7301). TLS 1.2 or newer.
 */
export function createTlsServer(
  options: ServerOptions,
  credentials: Credentials,
  takeHttp2: (socket: TLSSocket) => void,
): Server {
  const { headersTimeout = 20_000 } = options
  const server = createServer({
    ...options,
    ...credentials,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: headersTimeout,
  })
  const [takeHttp1] = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') takeHttp2(socket)
    else takeHttp1?.call(server, socket)
  })
  // A handshake that fails has no HTTP to be answered in.
  server.removeAllListeners('tlsClientError')
  server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy())
  return server
}

/** Has the server use renewed files, without a restart. Gives a way to stop. */
export function followCredentials(server: Server, tls: TlsConfig, first: Credentials, log: Logger): () => void {
  if (isPem(tls.cert) && isPem(tls.key.reveal())) return () => undefined
  let current = first
  let refused = ''
  let isTold = false
  const look = async (): Promise<void> => {
    try {
      const { cert, key } = await readCredentials(tls)
      if (cert === current.cert && key === current.key) return
      server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
      current = { cert, key }
      refused = ''
      isTold = false
      log.info({ event: 'certificate_renewed' }, 'new certificate in use')
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      // One of the two files may be new already and the other not yet: only what stays wrong is told, and once.
      if (reason !== refused) isTold = false
      else if (!isTold) {
        isTold = true
        log.warn({ event: 'certificate_refused', reason }, 'the old certificate stays in use')
      }
      refused = reason
    }
  }
  const timer = setInterval(() => void look(), lookEveryMs).unref()
  return () => clearInterval(timer)
}
