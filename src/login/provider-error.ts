import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { BffError } from '../errors.ts'
import { KeysNotToBeHad } from './id-token.ts'

/** The refresh token was refused for good (RFC 6749 section 5.2). */
export function isRejectedGrant(error: unknown): boolean {
  return error instanceof ResponseBodyError && error.error === 'invalid_grant'
}

/** The answer came, and its ID token is of another issuer, client or time. */
export function isWrongIdToken(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.code === 'OAUTH_JWT_CLAIM_COMPARISON_FAILED' || error.code === 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED')
  )
}

/**
 * What an error of openid-client or jose means to the user: trouble at the provider that may pass, or an answer that
 * was wrong. `wrong` is the code for the latter.
 */
export function providerError(error: unknown, wrong: 'login_failed' | 'provider_unavailable'): BffError {
  if (error instanceof BffError) return error
  const refused = (reason: string): BffError =>
    wrong === 'login_failed' ? new BffError(wrong, { reason, cause: error }) : unavailable(reason, error)
  if (error instanceof AuthorizationResponseError) {
    const reason = `the provider answered ${word(error.error)}`
    const passing = error.error === 'temporarily_unavailable' || error.error === 'server_error'
    return passing ? unavailable(reason, error) : refused(reason)
  }
  if (error instanceof ResponseBodyError) {
    const passing = error.status >= 500 || error.status === 429 || error.error === 'temporarily_unavailable'
    const reason = `the provider answered ${word(error.error)}`
    return passing ? unavailable(reason, error, error.response) : refused(reason)
  }
  if (error instanceof ClientError) {
    const response = error.cause instanceof Response ? error.cause : undefined
    switch (error.code) {
      case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
        return unavailable(`the provider answered with status ${response?.status ?? 'unknown'}`, error, response)
      case 'OAUTH_RESPONSE_IS_NOT_JSON':
      case 'OAUTH_PARSE_ERROR':
        return unavailable('the provider answered something that is not JSON', error, response)
      case 'OAUTH_INVALID_RESPONSE':
        if (isBodyOfAnotherType(error.cause)) return unavailable('the provider answered JSON of another type', error)
        return refused(`the provider's answer is not valid (${error.code})`)
      case 'OAUTH_TIMEOUT':
      case 'OAUTH_ABORT':
        return unavailable('the provider did not answer in time', error)
      case undefined:
        return unavailable('the provider cannot be reached', error)
      default:
        return refused(`the provider's answer is not valid (${error.code})`)
    }
  }
  if (error instanceof KeysNotToBeHad) return unavailable(error.message, error)
  if (isNetworkError(error)) return unavailable('the provider cannot be reached', error)
  return refused("the provider's answer is not valid")
}

function unavailable(reason: string, cause: unknown, response?: Response): BffError {
  return new BffError('provider_unavailable', { reason, cause, retryAfterSeconds: retryAfter(response) })
}

/** A list, a number or the like where an object belongs: no answer of a provider, but of something in front of it. */
function isBodyOfAnotherType(error: unknown): boolean {
  const about = error instanceof Error ? error.cause : undefined
  if (typeof about !== 'object' || about === null || !('body' in about)) return false
  return typeof about.body !== 'object' || about.body === null || Array.isArray(about.body)
}

/** The provider's own Retry-After in seconds, within reason (RFC 9110 section 10.2.3). */
function retryAfter(response: Response | undefined): number {
  const text = response?.headers.get('retry-after') ?? ''
  return /^\d{1,4}$/.test(text) ? Math.max(1, Math.min(600, Number(text))) : 5
}

/** Errors of the connection, told by the codes of Node, OpenSSL, undici and jose, and never by text. */
function isNetworkError(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at.name === 'TimeoutError' || at.name === 'AbortError') return true
    const code = 'code' in at && typeof at.code === 'string' ? at.code : ''
    if (
      /^(ECONN|EHOST|ENET|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|UND_ERR_|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO|UNABLE_TO_|SELF_SIGNED_)/.test(
        code,
      )
    )
      return true
    if (code === 'ERR_JWKS_TIMEOUT') return true
  }
  return false
}

/** A provider's error code as it may stand in a log: a word, or nothing of it. */
function word(text: string): string {
  return /^[\w.-]{1,60}$/.test(text) ? text : 'an error'
}
