/** Which header fields cross, by their normalised name. */

const mostRemembered = 1024

/** Clients send the same few texts again and again: each is judged once. Made-up ones cannot keep those out for good. */
export function remembered<T>(judge: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    let result = known.get(text)
    if (result === undefined) {
      result = judge(text)
      if (known.size >= mostRemembered) known.clear()
      if (text.length <= 64) known.set(text, result)
    }
    return result
  }
}

/**
 * A header name as all of its readers may take it: in lower case, with `-` for every other mark. CGI-like servers make
 * one variable of `X-Forwarded-User`, `X_Forwarded_User` and `X.Forwarded.User`, so all of them are judged as one
 * (CVE-2025-64484, CVE-2026-88011).
 */
export const normalName = remembered((name) => name.toLowerCase().replace(/[^a-z0-9-]/g, '-'))

/** RFC 9110 section 7.6.1, and what only concerns one connection besides. */
const hopByHop: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'expect',
]

/** What the upstream believes because Coatcheck, or a proxy like it, says it; from a browser it would be a forgery. */
const claimedByBrowser: ReadonlySet<string> = new Set([
  ...hopByHop,
  // Coatcheck's own part of the request. `content-length` comes back with the body.
  'host',
  'cookie',
  'cookie2',
  'authorization',
  'dpop',
  'content-length',
  'via',
  'forwarded',
  'x-request-id',
  'x-csrf-token',
  'x-xsrf-token',
  'x-csrf',
  // Where the call came from and what it asked for, in the words of other proxies; `proxy` is httpoxy (CVE-2016-5385).
  'proxy',
  'forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-proxyuser-ip',
  'client-ip',
  'wl-proxy-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'fastly-client-ip',
  'fly-client-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'x-host',
  'x-http-host-override',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  // The framework's own word that it asked itself (CVE-2025-29927).
  'x-middleware-subrequest',
  // The method that was judged is the method that counts.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  // Who the user is.
  'x-username',
  'x-preferred-username',
  'x-subject',
  'x-group',
  'x-groups',
  'x-roles',
  'x-role',
  'x-email',
  'x-id-token',
  'x-access-token',
  'x-refresh-token',
  'x-auth-user',
  'x-auth-email',
  'x-auth-groups',
  'x-anonymous-consumer',
])

/** Families of such names. */
const claimedPrefixes = [
  'proxy-',
  'x-forwarded',
  'x-original-',
  'x-rewrite-',
  'x-envoy-',
  'x-arr-',
  'wl-proxy-',
  'x-user',
  'x-remote-',
  'remote-',
  'oidc-',
  'x-oidc-',
  'x-jwt-',
  'x-auth-request-',
  'x-authenticated-',
  'x-authentik-',
  'x-webauth-',
  'x-consumer-',
  'x-credential-',
  'x-pomerium-',
  'x-vouch-',
  'x-amzn-oidc-',
  'x-amzn-mtls-',
  'x-goog-iap-',
  'x-goog-authenticated-',
  'x-ms-client-principal',
  'x-ms-token-',
  'cf-access-',
  'tailscale-user-',
  'sm-',
  'iv-',
  'client-cert',
  'x-client-cert',
  'x-client-ssl',
  'ssl-client',
  'x-ssl-',
  'x-tls-client',
] as const

/** What a request field's name tells: one look-up a field. */
export const requestName = remembered((name) => {
  const normal = normalName(name)
  // gRPC-Web clients name themselves in X-User-Agent.
  const isClaimed = claimedByBrowser.has(normal) || claimedPrefixes.some((prefix) => normal.startsWith(prefix))
  return { normal, isDropped: isClaimed && normal !== 'x-user-agent' } as const
})

const droppedResponseNames: ReadonlySet<string> = new Set([
  ...hopByHop,
  // They speak for our origin, which the upstream does not know.
  'clear-site-data',
  'strict-transport-security',
  'alt-svc',
  'nel',
  'public-key-pins',
  'service-worker-allowed',
  'timing-allow-origin',
  // Written anew.
  'x-content-type-options',
  'x-request-id',
  // Echoes of what only the server may see (CVE-2026-41181).
  'authorization',
  'dpop',
  'dpop-nonce',
  'cookie',
  'set-cookie2',
  'x-access-token',
  'x-id-token',
  'x-refresh-token',
  'x-auth-request-access-token',
  'forwarded',
])

const cachingNames: ReadonlySet<string> = new Set([
  'cache-control',
  'expires',
  'pragma',
  'surrogate-control',
  'edge-control',
  'x-accel-expires',
])

const droppedResponsePrefixes = ['access-control-', 'proxy-', 'x-forwarded-'] as const

/** What a response field's name tells: one look-up a field. */
export const responseName = remembered((name) => {
  const normal = normalName(name)
  return {
    normal,
    /** Token characters alone (RFC 9110 section 5.6.2). */
    isToken: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name),
    isDropped: droppedResponseNames.has(normal) || droppedResponsePrefixes.some((prefix) => normal.startsWith(prefix)),
    /** Tells a cache what to keep. Some of these win over Cache-Control (RFC 9213). */
    isCaching: cachingNames.has(normal) || normal.endsWith('-cache-control'),
  } as const
})
