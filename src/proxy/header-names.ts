/** Which header fields cross, by their name. */

/** A field name, judged. */
export interface FieldName {
  /**
   * As all of its readers may take it: CGI-like servers make one variable of `X-Forwarded-User`, `X_Forwarded_User` and
   * `X.Forwarded.User`, so all of them are one here (CVE-2025-64484, CVE-2026-88011).
   */
  readonly normal: string
  /** Never passed on from a browser: of one connection only, or ours to say. */
  readonly isDroppedFromRequest: boolean
  /** Never passed on from an upstream. */
  readonly isDroppedFromResponse: boolean
  /** Would let a cache keep what `private, no-store` forbids. */
  readonly isCaching: boolean
}

const judged = new Map<string, FieldName>()
const mostJudged = 1024

/** Clients send the same few names again and again: each is judged once. */
export function judgeName(name: string): FieldName {
  let field = judged.get(name)
  if (field === undefined) {
    const normal = name.toLowerCase().replace(/[^a-z0-9-]/g, '-')
    field = {
      normal,
      isDroppedFromRequest: isDroppedFromRequest(normal),
      isDroppedFromResponse: isDroppedFromResponse(normal),
      isCaching: isCaching(normal),
    }
    // Started anew when full, so that made-up names cannot keep out the usual ones.
    if (judged.size >= mostJudged) judged.clear()
    if (name.length <= 64) judged.set(name, field)
  }
  return field
}

/** RFC 9110 section 7.6.1, and what only concerns one connection besides. */
const hopByHop: readonly string[] = [
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'expect',
]

/**
 * What upstreams believe because the proxy in front of them says it, in the words of common proxies and of frameworks;
 * from a browser it would be a forgery.
 */
const claimedByBrowser: ReadonlySet<string> = new Set([
  ...hopByHop,
  'host', 'cookie', 'cookie2', 'authorization', 'dpop', 'content-length', 'via', 'x-request-id',
  // Proofs for the guard, which are nobody else's business.
  'x-csrf-token', 'x-xsrf-token', 'x-csrf',
  // Where the call came from, and to where.
  'forwarded', 'x-forwarded', 'forwarded-for', 'client-ip', 'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip',
  'cf-connecting-ip', 'cf-connecting-ipv6', 'fastly-client-ip', 'x-azure-clientip', 'x-azure-socketip', 'x-appengine-user-ip',
  'x-host', 'x-http-host-override', 'x-scheme', 'x-url-scheme', 'front-end-https', 'x-middleware-subrequest',
  // Another method than the one that was judged.
  'x-http-method', 'x-http-method-override', 'x-method-override',
  // Who calls. `proxy` becomes HTTP_PROXY in CGI (CVE-2016-5385).
  'proxy', 'x-user', 'x-userinfo', 'x-username', 'x-group', 'x-groups', 'x-role', 'x-roles', 'x-email', 'x-id-token', 'x-access-token',
  'x-refresh-token', 'x-credential-identifier', 'x-jwt-assertion', 'x-client-cert', 'client-cert', 'client-cert-chain',
  'x-ssl-cert', 'x-arr-clientcert', 'x-anonymous-consumer',
])

const claimedPrefixes = [
  'x-forwarded-', 'x-original-', 'x-rewrite-', 'x-auth-request-', 'x-authenticated-', 'x-user-', 'x-webauth-', 'x-remote-',
  'remote-', 'oidc-', 'x-oidc-', 'x-ms-client-principal', 'x-goog-iap-', 'x-goog-authenticated-user-', 'x-amzn-oidc-',
  'x-amzn-mtls-', 'cf-access-', 'x-pomerium-', 'x-authentik-', 'x-consumer-', 'tailscale-user-', 'x-envoy-', 'wl-proxy-', 'proxy-',
  'ssl-client-', 'x-ssl-client-', 'x-client-cert-',
] as const

function isDroppedFromRequest(normal: string): boolean {
  // gRPC-Web clients name themselves in it.
  if (normal === 'x-user-agent') return false
  return claimedByBrowser.has(normal) || claimedPrefixes.some((prefix) => normal.startsWith(prefix))
}

const droppedFromResponse: ReadonlySet<string> = new Set([
  ...hopByHop,
  // They speak for our origin, which the upstream does not know.
  'clear-site-data', 'strict-transport-security', 'alt-svc', 'public-key-pins', 'nel', 'service-worker-allowed', 'x-request-id',
  // Written anew.
  'x-content-type-options', 'cross-origin-resource-policy', 'vary',
  // Echoes of what only the server may see (CVE-2026-41181; RFC 7239 section 8.2).
  'authorization', 'dpop', 'dpop-nonce', 'cookie', 'set-cookie2', 'forwarded', 'x-access-token', 'x-id-token', 'x-refresh-token',
  'x-auth-request-access-token',
])

function isDroppedFromResponse(normal: string): boolean {
  return droppedFromResponse.has(normal) || normal.startsWith('access-control-') || normal.startsWith('x-forwarded-')
}

function isCaching(normal: string): boolean {
  return normal === 'expires' || normal === 'pragma' || normal === 'surrogate-control' || normal.endsWith('cache-control')
}
