const tokenFields = ['access_token', 'refresh_token', 'id_token'] as const

/** A fetch for the gateway's calls to its provider that remembers every token that came back, to be searched for. */
export class TokenTap {
  readonly issued = new Set<string>()

  readonly fetch: typeof fetch = async (url, init) => {
    const answer = await fetch(url, init)
    const text = await answer.text()
    if (answer.headers.get('content-type')?.includes('json') === true) {
      const body = JSON.parse(text) as Record<string, unknown>
      for (const field of tokenFields) {
        const token = body[field]
        if (typeof token === 'string') this.issued.add(token)
      }
    }
    const headers = new Headers(answer.headers)
    headers.delete('content-encoding')
    headers.delete('content-length')
    return new Response(text === '' ? null : text, { status: answer.status, headers })
  }
}
