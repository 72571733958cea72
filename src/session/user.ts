/** Claims that are about the login's mechanics and not about the user; a page has no use for them. */
const mechanics: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'azp',
  'exp',
  'iat',
  'nbf',
  'jti',
  'nonce',
  'sid',
  'at_hash',
  'c_hash',
  's_hash',
])

/** The claims that `GET /bff/session` shows. */
export function publicClaims(claims: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !mechanics.has(name)))
}
