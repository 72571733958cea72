/** Which header fields cross, by their normalised name. */

const lowered = new Map<string, string>()

/**
 * A header name as all of its readers may take it: lower case, `_` and `.` as `-`. CGI-like servers make one variable
 * of `X-Forwarded-User`, `X_Forwarded_User` and `X.Forwarded.User`, so all of them are judged as one
 * (CVE-2025-64484, CVE-2026-88011). Browsers send the same few names again and again: each is computed once.
 */
export function normalName(name: string): string {
  let normal = lowered.get(name)
  if (normal === undefined) {
    normal = name.toLowerCase().replace(/[_.]/g, '-')
    if (lowered.size < 1024 && name.length <= 64) lowered.set(name, normal)
  }
  return normal
}

/** RFC 9110 section 7.6.1, and what only concerns one connection besides. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'expect',
])

/** What the upstream believes because Coatcheck says it; from a browser it would be a forgery. */
const claimedByBrowser: ReadonlySet<string> = new Set([
  ...hopByHop,
  'host', 'cookie', 'cookie2', 'authorization', 'dpop', 'content-length', 'via', 'forwarded', 'x-real-ip', 'x-client-ip',
  'x-cluster-client-ip', 'true-client-ip', 'cf-connecting-ip', 'fastly-client-ip', 'x-host', 'x-http-host-override',
  'x-http-method', 'x-http-method-override', 'x-method-override', 'x-csrf-token', 'x-xsrf-token', 'x-csrf', 'x-request-id',
  'x-user', 'x-userinfo', 'x-username', 'x-groups', 'x-roles', 'x-role', 'x-email', 'x-id-token', 'x-access-token',
  'x-refresh-token', 'x-authenticated-user', 'x-authenticated-userid', 'x-credential-identifier', 'x-jwt-assertion',
  'x-goog-iap-jwt-assertion', 'x-ms-client-principal', 'remote-user', 'x-remote-user', 'x-client-cert', 'x-ssl-client-cert',
  'ssl-client-cert', 'client-cert', 'client-cert-chain', 'x-envoy-external-address',
])

const claimedPrefixes = ['x-forwarded-', 'x-original-', 'x-rewrite-', 'x-auth-request-', 'x-user-', 'x-remote-user-', 'oidc-', 'x-oidc-', 'x-ms-client-principal-', 'x-envoy-', 'proxy-'] as const

/** Whether a request field of the browser is dropped. */
export function isDroppedRequestName(name: string): boolean {
  if (claimedByBrowser.has(name)) return true
  for (const prefix of claimedPrefixes) if (name.startsWith(prefix)) return true
  return false
}

const droppedResponseNames: ReadonlySet<string> = new Set([
  ...hopByHop,
  // They speak for our origin, which the upstream does not know.
  'clear-site-data', 'strict-transport-security', 'alt-svc', 'public-key-pins', 'service-worker-allowed', 'x-request-id',
  // Echoes of what only the server may see (CVE-2026-41181).
  'authorization', 'dpop', 'dpop-nonce', 'x-access-token', 'x-id-token', 'x-refresh-token', 'x-auth-request-access-token',
])

/** Whether a response field of the upstream is dropped. */
export function isDroppedResponseName(name: string): boolean {
  return droppedResponseNames.has(name) || name.startsWith('access-control-')
}

/** Fields that would let a cache keep what `private, no-store` forbids. */
export function isCachingName(name: string): boolean {
  return name === 'cache-control' || name === 'expires' || name === 'pragma' || name === 'surrogate-control' || name.endsWith('-cache-control')
}
