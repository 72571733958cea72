import { bff } from './session.ts'

/** What can come of a call, as the page has to deal with it. */
export type Answer =
  | { readonly kind: 'done'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'logged-out' }
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string | undefined; readonly detail: string }

/** One call to this page's own origin. The session cookie goes along by itself; there is no access token to add. */
export async function call(path: string, init: RequestInit = {}, send = bff.fetch): Promise<Answer> {
  let response: Response
  try {
    response = await send(path, { cache: 'no-store', ...init })
  } catch {
    return { kind: 'unavailable', retryAfterSeconds: 2 }
  }
  const body = await readJson(response)
  if (response.ok) return { kind: 'done', status: response.status, body }
  if (response.status === 401) return { kind: 'logged-out' }
  if (response.status >= 502) return { kind: 'unavailable', retryAfterSeconds: Number(response.headers.get('Retry-After')) || 2 }
  const detail = textOf(body, 'detail') ?? textOf(body, 'title') ?? `The answer was ${response.status}.`
  return { kind: 'refused', status: response.status, code: textOf(body, 'code'), detail }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json()
  } catch {
    return undefined
  }
}

/** The member of an object, where it is a text. */
export function textOf(body: unknown, name: string): string | undefined {
  const value = memberOf(body, name)
  return typeof value === 'string' ? value : undefined
}

export function memberOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Object.getOwnPropertyDescriptor(body, name)?.value : undefined
}
