import { z } from 'zod'
import { innerOf } from './schema-walk.ts'
import { configSchema } from './schema.ts'

type JsonSchema = z.core.JSONSchema.JSONSchema

/** A value that comes from the environment or a file; editors have to let it through everywhere. */
const placeholder = { type: 'string', pattern: '^\\$\\{(env|file):[^}]+\\}$' } as const

/** The config file as JSON Schema (draft 2020-12), for editors. Rules over several options are judged by Coatcheck alone. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // In a file a secret is a text; the instance of Secret that programs may give is nothing an editor can know.
      if (z.globalRegistry.get(innerOf(zodSchema))?.['writeOnly'] !== true) return
      delete jsonSchema.anyOf
      jsonSchema.type = 'string'
      jsonSchema.minLength = 1
    },
  })
  const names = { $schema: schema.$schema, $id: 'coatcheck.schema.json', title: 'Coatcheck config' }
  return Object.assign(names, openToPlaceholders(schema), { $defs: { placeholder } })
}

/** Lets `${env:NAME}` and `${file:PATH}` stand wherever something narrower than a text is asked for. */
function openToPlaceholders(schema: JsonSchema): JsonSchema {
  const opened = { ...schema }
  if (schema.properties !== undefined) {
    opened.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, option]) => [name, openAny(option)]))
  }
  if (typeof schema.items === 'object' && !Array.isArray(schema.items)) opened.items = openToPlaceholders(schema.items)
  if (schema.additionalProperties !== undefined) opened.additionalProperties = openAny(schema.additionalProperties)
  if (schema.oneOf !== undefined) opened.oneOf = schema.oneOf.map(openToPlaceholders)

  const isNarrow = ['integer', 'number', 'boolean'].includes(String(schema.type)) || schema.enum !== undefined
  if (!isNarrow) return opened
  const outer: JsonSchema = { anyOf: [opened, { $ref: '#/$defs/placeholder' }] }
  for (const name of ['description', 'default']) {
    if (opened[name] === undefined) continue
    outer[name] = opened[name]
    Reflect.deleteProperty(opened, name)
  }
  return outer
}

function openAny(schema: JsonSchema | boolean): JsonSchema | boolean {
  return typeof schema === 'boolean' ? schema : openToPlaceholders(schema)
}
