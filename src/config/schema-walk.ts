import { z } from 'zod'
import type { OptionPath } from './option-path.ts'

/** Looks into the table of options: what stands at a path, and what an option is called elsewhere. */

type Schema = z.core.$ZodType

/** The schema below what makes an option optional. */
export function innerOf(schema: Schema): Schema {
  const optional = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
  return optional ? innerOf(schema.unwrap()) : schema
}

/** The schemas that an option at the path may have; more than one only inside a choice. */
export function schemasAt(root: Schema, path: OptionPath): Schema[] {
  let schemas: Schema[] = [root]
  for (const part of path) schemas = schemas.flatMap((schema) => childrenAt(innerOf(schema), part))
  return schemas
}

function childrenAt(schema: Schema, part: PropertyKey): Schema[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => childrenAt(innerOf(option), part))
  if (schema instanceof z.ZodArray) return typeof part === 'number' ? [schema.element] : []
  if (schema instanceof z.ZodRecord) return [schema.valueType]
  if (!(schema instanceof z.ZodObject) || typeof part !== 'string' || !Object.hasOwn(schema.shape, part)) return []
  const child = Reflect.get(schema.shape, part) as Schema | undefined
  return child === undefined ? [] : [child]
}

/** Whether the option at the path holds a secret. */
export function isSecretAt(root: Schema, path: OptionPath): boolean {
  return schemasAt(root, path).some((schema) => z.globalRegistry.get(innerOf(schema))?.['writeOnly'] === true)
}

/**
 * Whether a value at the path may be quoted in a message: only where a plain value is asked for that is no secret. What
 * stands in the place of a section or list, or under a name of the operator's own choosing, can be anything.
 */
export function isQuotableAt(root: Schema, path: OptionPath): boolean {
  const schemas = schemasAt(root, path)
  const isPlain = schemas.every((schema) => !isContainer(innerOf(schema)))
  const isOwnName = path.some((_, index) =>
    schemasAt(root, path.slice(0, index)).some((schema) => innerOf(schema) instanceof z.ZodRecord),
  )
  return schemas.length > 0 && isPlain && !isOwnName && !isSecretAt(root, path)
}

function isContainer(schema: Schema): boolean {
  if (schema instanceof z.ZodUnion) return schema.options.some((option) => isContainer(innerOf(option)))
  return schema instanceof z.ZodObject || schema instanceof z.ZodArray || schema instanceof z.ZodRecord
}

/** The meaning of the option at the path, as its first sentence. */
export function meaningAt(root: Schema, path: OptionPath): string | undefined {
  const description = schemasAt(root, path)
    .map((schema) => z.globalRegistry.get(schema)?.description)
    .find((text) => text !== undefined)
  return description === undefined ? undefined : (/^.*?[.:;](?=\s|$)/.exec(description)?.[0].slice(0, -1) ?? description)
}

/** The option names that the section at the path knows. */
export function namesAt(root: Schema, path: OptionPath): string[] {
  const names = schemasAt(root, path).flatMap((schema) => sectionsOf(schema).flatMap((section) => Object.keys(section.shape)))
  return [...new Set(names)]
}

/** The options of the section at the path that have to be written. */
export function requiredNamesAt(root: Schema, path: OptionPath): string[] {
  const sections = schemasAt(root, path).flatMap((schema) => sectionsOf(schema))
  return sections.flatMap((section) =>
    Object.entries<Schema>(section.shape)
      .filter(([, option]) => innerOf(option) === option)
      .map(([name]) => name),
  )
}

/** Whether the option at the path may be left out. */
export function isOptionalAt(root: Schema, path: OptionPath): boolean {
  const schemas = schemasAt(root, path)
  return schemas.length > 0 && schemas.every((schema) => innerOf(schema) !== schema)
}

function sectionsOf(schema: Schema): z.ZodObject[] {
  const inner = innerOf(schema)
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => sectionsOf(option))
  return inner instanceof z.ZodObject ? [inner] : []
}

/** The paths of all options and sections of the table; list entries have the position 0. */
export function allPaths(schema: Schema, path: OptionPath = []): OptionPath[] {
  const inner = innerOf(schema)
  if (inner instanceof z.ZodArray) return allPaths(inner.element, [...path, 0])
  return sectionsOf(inner).flatMap((section) =>
    Object.entries<Schema>(section.shape).flatMap(([name, child]) => [[...path, name], ...allPaths(child, [...path, name])]),
  )
}
