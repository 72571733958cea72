import { z } from 'zod'
import type { Secret } from './secret.ts'

/**
 * A config of which only the valid parts are known: everything else is `undefined`. Rules over several options are
 * judged on it, so that one wrong option does not hide what is wrong between others.
 */
export type Known<T> = T extends Secret | URL
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Known<Item> | undefined)[]
    : T extends object
      ? { readonly [Key in keyof T]?: Known<T[Key]> | undefined }
      : T

/** The valid parts of what a schema would read from the input, defaults included. */
export function knownParts<Schema extends z.ZodType>(schema: Schema, input: unknown): Known<z.output<Schema>> | undefined {
  return partsOf(schema, input) as Known<z.output<Schema>> | undefined
}

function partsOf(schema: z.core.$ZodType, input: unknown): unknown {
  if (schema instanceof z.ZodOptional) return input === undefined ? undefined : partsOf(schema.unwrap(), input)
  if ((schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) && input !== undefined)
    return partsOf(schema.unwrap(), input)
  if (schema instanceof z.ZodObject) {
    if (typeof input !== 'object' || input === null || Array.isArray(input)) return undefined
    return Object.fromEntries(
      Object.entries<z.core.$ZodType>(schema.shape).map(([name, option]) => [
        name,
        partsOf(option, Object.hasOwn(input, name) ? Reflect.get(input, name) : undefined),
      ]),
    )
  }
  if (schema instanceof z.ZodArray) return Array.isArray(input) ? input.map((item) => partsOf(schema.element, item)) : undefined
  if (schema instanceof z.ZodRecord && typeof input === 'object' && input !== null && !Array.isArray(input)) {
    return Object.fromEntries(Object.entries(input).map(([name, item]) => [name, partsOf(schema.valueType, item)]))
  }
  const result = z.safeParse(schema, input)
  return result.success ? result.data : undefined
}
