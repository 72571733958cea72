import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/** Who calls, as the access token says. */
export interface Caller {
  readonly sub: string
  readonly scopes: ReadonlySet<string>
  readonly audience: string
  /** Epoch seconds. */
  readonly expiresAt: number
}

/** A refusal in the words of RFC 6750 section 3.1; `error` is absent where no token came at all. */
export interface Refusal {
  readonly status: 401 | 403
  readonly error?: 'invalid_token' | 'insufficient_scope'
  readonly detail: string
}

export interface TokenRules {
  /** Who must have issued the token. Its keys are found by discovery. */
  readonly issuer: string
  /** This API's own name. A token for another API is refused. */
  readonly audience: string
}

/** Errors that say something about the token. Everything else means that it could not be judged. */
const tokenErrors = [
  errors.JWTInvalid,
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
]

/**
 * Verifies JWT access tokens (RFC 9068 section 4): signature by a key of the issuer, algorithm, type, issuer, audience,
 * expiry.
 *
 * @returns a function from the Authorization header to the caller or a refusal. It throws where the issuer's keys cannot
 * be had: then nobody knows whether the token is good.
 */
export function createTokenVerifier({
  issuer,
  audience,
}: TokenRules): (authorization: string | undefined) => Promise<Caller | Refusal> {
  const keys = rememberSuccess(() => discoverKeys(issuer))
  return async (authorization) => {
    const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return { status: 401, detail: 'This API needs an access token.' }
    const keySet = await keys()
    try {
      const { payload } = await jwtVerify(token, keySet, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
        requiredClaims: ['exp', 'sub', 'client_id'],
        clockTolerance: 5,
      })
      const { sub = '', exp = 0 } = payload
      const scope = typeof payload['scope'] === 'string' ? payload['scope'] : ''
      return { sub, scopes: new Set(scope.split(' ')), audience, expiresAt: exp }
    } catch (error) {
      if (tokenErrors.some((known) => error instanceof known)) {
        return { status: 401, error: 'invalid_token', detail: 'The access token is not valid here.' }
      }
      throw error
    }
  }
}

async function discoverKeys(issuer: string) {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(5000),
  })
  if (!response.ok) throw new Error(`discovery at ${issuer} answered ${response.status}`)
  const metadata: unknown = await response.json()
  if (typeof metadata !== 'object' || metadata === null || !('issuer' in metadata) || !('jwks_uri' in metadata)) {
    throw new Error(`discovery at ${issuer} gave no metadata`)
  }
  if (metadata.issuer !== issuer) throw new Error(`discovery at ${issuer} speaks for another issuer`)
  return createRemoteJWKSet(new URL(String(metadata.jwks_uri)), { timeoutDuration: 5000 })
}

/** Makes a value once, and again after a failure. */
function rememberSuccess<T>(make: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined
  return () => {
    pending ??= make().catch((error: unknown) => {
      pending = undefined
      throw error
    })
    return pending
  }
}
