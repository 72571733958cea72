import { z } from 'zod'
import { Secret } from './secret.ts'
import {
  headerValueProblem,
  hostProblem,
  isTokenName,
  issuerProblem,
  pathProblem,
  readHttpUrl,
  readOrigin,
  resourceProblem,
  scopeProblem,
} from './values.ts'
import type { ValueProblem } from './values.ts'

/** The kinds of option that more than one place of the schema uses. */

/** Text that a judgement either accepts as it is or finds a problem with. */
const judged = (judge: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const problem = text === '' ? 'is empty; write a value or remove the line' : judge(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })

/** Text that becomes something else, or has a problem. */
const read = <T>(reader: (text: string) => T | ValueProblem) =>
  z.string().transform((text, context): T => {
    const result = reader(text)
    if (typeof result !== 'object' || result === null || !('problem' in result)) return result
    context.addIssue({ code: 'custom', message: text === '' ? 'is empty; write a value or remove the line' : result.problem })
    return z.NEVER
  })

/** A text of any kind, but not none. */
export const text = () => judged(() => undefined)

/** A secret as text, or as a `Secret` where the config is an object in a program. */
export const secret = () =>
  z
    .union([z.string(), z.instanceof(Secret)])
    .transform((value, context) => {
      const held = typeof value === 'string' ? new Secret(value) : value
      if (held.reveal() === '') context.addIssue({ code: 'custom', message: 'is empty; write a value or remove the line' })
      return held
    })
    .meta({ writeOnly: true })

/** Where a shared store is. It may hold a password, so it is kept as a secret. */
export const storeUrl = (form: RegExp, example: string) =>
  secret().refine((value) => form.test(value.reveal()), `is not such a URL; write it as in ${example}`)

/** Whole seconds, by default no more than a timer can hold: Node fires longer ones at once. */
export const seconds = (max = 2_147_483) => z.int().min(1).max(max)
export const origin = () => read(readOrigin)
export const httpUrl = () => read(readHttpUrl)
export const issuer = () => judged(issuerProblem)
export const resource = () => judged(resourceProblem)
export const path = () => judged(pathProblem)
export const scope = () => judged(scopeProblem)

/** A header value; empty where the header is not to be sent. */
export const headerValue = () =>
  z.string().superRefine((value, context) => {
    const problem = headerValueProblem(value)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })

export const listener = (port: number) =>
  z.strictObject({
    host: judged(hostProblem).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for all.'),
    port: z.int().min(0).max(65535).default(port).describe('Port; 0 picks a free one, and the bound address is printed.'),
  })

/** The name of a cookie; an empty one stands for a variable that is not set: `text` tells that already. */
export const cookieName = () =>
  text().refine((name) => name === '' || isTokenName(name), 'is not a cookie name; use letters, digits, "-" and "_"')
