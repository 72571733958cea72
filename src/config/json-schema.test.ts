import { expect, test } from 'vitest'
import { configJsonSchema } from './json-schema.ts'
import { allPaths } from './schema-walk.ts'
import { configSchema } from './schema.ts'

/** The node of a JSON Schema behind a path of property names; `[]` enters a list. */
function nodeAt(path: string): unknown {
  let node: unknown = configJsonSchema()
  for (const part of path.split('.'))
    node = part === '[]' ? Reflect.get(Object(node), 'items') : Reflect.get(Object(Reflect.get(Object(node), 'properties')), part)
  return node
}

const placeholder = { $ref: '#/$defs/placeholder' }

test('secrets are texts', () => {
  expect(nodeAt('provider.clientSecret')).toEqual({
    description: expect.any(String),
    writeOnly: true,
    type: 'string',
    minLength: 1,
  })
  expect(nodeAt('session.secrets.[]')).toMatchObject({ type: 'string' })
})

test('what is narrower than a text may come from outside, and keeps meaning and default', () => {
  expect(nodeAt('listen.port')).toEqual({
    description: expect.any(String),
    default: 8080,
    anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, placeholder],
  })
  expect(nodeAt('csrf.cookie')).toMatchObject({ default: false, anyOf: [{ type: 'boolean' }, placeholder] })
  expect(nodeAt('log.level')).toMatchObject({
    default: 'info',
    anyOf: [{ enum: expect.arrayContaining(['info', 'silent']) }, placeholder],
  })
})

test('unknown options are errors everywhere, and what has no default is required', () => {
  const open: string[] = []
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null) return
    if (
      Reflect.get(node, 'properties') !== undefined &&
      path !== '' &&
      !path.endsWith('/properties') &&
      Reflect.get(node, 'additionalProperties') !== false
    )
      open.push(path)
    for (const [name, inner] of Object.entries(node)) visit(inner, `${path}/${name}`)
  }
  const schema = configJsonSchema()
  visit(schema, '#')
  expect(open).toEqual([])
  expect(schema.required).toEqual(['origin', 'provider', 'session', 'routes'])
  expect(schema['$defs']).toEqual({ placeholder: { type: 'string', pattern: expect.any(String) } })
})

test('every option says what it means', () => {
  const silent = allPaths(configSchema).filter((path) => {
    const node = nodeAt(path.map((part) => (part === 0 ? '[]' : String(part))).join('.'))
    return node !== undefined && typeof Reflect.get(Object(node), 'description') !== 'string'
  })
  expect(silent).toEqual([])
})
