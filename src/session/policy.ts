import type { Session } from './session.ts'

/** What a route requires of the session. */
export interface Requirement {
  readonly scope: readonly string[]
  readonly claims: Readonly<Record<string, string | number | boolean>>
}

/** Claims that have one value by definition (OIDC Core section 5.1); a list of them is no claim to be trusted. */
const singleValued: ReadonlySet<string> = new Set([
  'iss', 'sub', 'name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'email',
  'email_verified', 'phone_number', 'phone_number_verified', 'acr', 'auth_time', 'azp',
])

/** Whether the session brings all that is required: `undefined`, or what is missing, in fixed words for the log. */
export function missingFor(requirement: Requirement, session: Session): string | undefined {
  const granted = session.tokens.scope.split(' ')
  for (const scope of requirement.scope) if (!granted.includes(scope)) return `scope ${scope}`
  for (const [name, value] of Object.entries(requirement.claims)) {
    if (!holds(session.tokens.claims, name, value)) return `claim ${name}`
  }
  return undefined
}

/** The very same value of the very same type, or a list that has it. Never a prefix, a part or a look-alike. */
function holds(claims: Readonly<Record<string, unknown>>, name: string, value: string | number | boolean): boolean {
  if (!Object.hasOwn(claims, name)) return false
  // An address that the provider did not verify is whatever the user typed.
  if (name === 'email' && Object.hasOwn(claims, 'email_verified') && claims['email_verified'] !== true) return false
  const claim = claims[name]
  return claim === value || (!singleValued.has(name) && Array.isArray(claim) && claim.includes(value))
}
