import type { Session } from './session.ts'

/** What a route requires of the session. */
export interface Requirement {
  readonly scope: readonly string[]
  readonly claims: Readonly<Record<string, string | number | boolean>>
}

/** Claims that have one value by definition (OIDC Core section 5.1); a list of them is no claim to be trusted. */
const singleValued: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'acr',
  'auth_time',
  'azp',
])

/** Claims that are whatever the user typed until the provider verified them, and the claim that says so. */
const verifiedBy: ReadonlyMap<string, string> = new Map([
  ['email', 'email_verified'],
  ['phone_number', 'phone_number_verified'],
])

/** Whether the session brings all that is required: `undefined`, or what is missing, in fixed words for the log. */
export function missingFor(requirement: Requirement, session: Pick<Session, 'tokens'>): string | undefined {
  const { scope: grantedScope, claims } = session.tokens
  const granted = grantedScope.split(' ')
  for (const scopes of requirement.scope) {
    for (const scope of scopes.split(' ')) if (!granted.includes(scope)) return `scope ${scope}`
  }
  for (const [name, value] of Object.entries(requirement.claims)) {
    if (!holds(claims, name, value)) return `claim ${name}`
  }
  return undefined
}

/** The very same value of the very same type, or a list that has it. Never a prefix, a part or a look-alike. */
function holds(claims: Readonly<Record<string, unknown>>, name: string, value: string | number | boolean): boolean {
  const verified = verifiedBy.get(name)
  if (verified !== undefined && ownValue(claims, verified) !== true) return false
  const claim = ownValue(claims, name)
  return claim === value || (!singleValued.has(name) && Array.isArray(claim) && claim.includes(value))
}

function ownValue(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}
