import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'

/** What came back from a question over HTTP: an answer of any status, or the code of the failure. */
export type Answer =
  | {
      readonly status: number
      readonly contentType: string
      readonly date: string | undefined
      readonly location: string | undefined
      readonly body: string
    }
  | { readonly failure: string }

export interface Question {
  readonly url: URL
  readonly method: 'GET' | 'HEAD'
  /** Ends the question; the answer is then the failure `deadline`. */
  readonly signal: AbortSignal
  /** Certificates (PEM) towards this server. Its own certificate is always verified. */
  readonly tls?: { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
}

/** No metadata and no key set is larger. */
const mostBytes = 1_048_576

/** Asks once, without following redirects. Never rejects. */
export function ask({ url, method, signal, tls }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve({ failure: signal.aborted ? 'deadline' : codeOf(error) })
    const options = { method, signal, agent: false, headers: { accept: 'application/json', 'user-agent': 'coatcheck-check' } }
    const take = (response: IncomingMessage) => {
      readBody(response).then((body) => {
        const { 'content-type': contentType = '', date, location } = response.headers
        resolve({ status: response.statusCode ?? 0, contentType, date, location, body })
      }, fail)
    }
    try {
      const call = url.protocol === 'https:' ? requestHttps(url, { ...options, ...tls }, take) : requestHttp(url, options, take)
      call.on('error', fail)
      call.end()
    } catch (error) {
      fail(error)
    }
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) throw Object.assign(new Error('too large'), { code: 'too-large' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
}
