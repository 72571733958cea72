import { parse } from 'yaml'
import { z } from 'zod'

/** Somebody to log in as at the local provider. There are no passwords: whoever clicks the card is that user. */
export interface DevUser {
  /** The subject: stable, and what an API stores as the owner of things. */
  readonly sub: string
  readonly name: string
  readonly email: string
  /** Given as the claim `roles`, in ID tokens, userinfo and access tokens. */
  readonly roles: readonly string[]
  /** API scopes the user may be granted, of those asked for. Default: all. */
  readonly scopes?: readonly string[]
  /** One line on the card that says what is special about this user. */
  readonly note?: string
}

/** Who can log in where nothing else is said: someone who may do everything, and someone who may only look. */
export const defaultDevUsers: readonly DevUser[] = [
  {
    sub: 'ada',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    roles: ['admin', 'user'],
    note: 'Gets every scope that is asked for',
  },
  {
    sub: 'ben',
    name: 'Ben Okri',
    email: 'ben@example.com',
    roles: ['user'],
    note: 'An ordinary user, without the role admin',
  },
]

const usersSchema = z
  .array(
    z.strictObject({
      sub: z.string().min(1),
      name: z.string().min(1),
      email: z.email(),
      roles: z.array(z.string()).default([]),
      scopes: z.array(z.string()).exactOptional(),
      note: z.string().exactOptional(),
    }),
  )
  .min(1)

/**
 * Reads users from YAML or JSON: a list of `{ sub, name, email, roles, scopes, note }`, of which the last three may be
 * left out.
 *
 * @throws {Error} that names what is wrong.
 */
export function readDevUsers(text: string): readonly DevUser[] {
  const result = usersSchema.safeParse(parse(text))
  if (result.success) return result.data
  throw new Error(
    `The users cannot be used:\n${result.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`).join('\n')}`,
  )
}
