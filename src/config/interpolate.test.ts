import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpolate } from './interpolate.ts'

const missing = Object.assign(new Error('no'), { code: 'ENOENT' })
const files: Record<string, string> = {
  '/run/secrets/a': 'from a\n',
  'two-lines': 'one\ntwo\n\n',
  windows: 'x\r\n',
  nested: '${env:NAME}',
}
const surroundings = {
  env: { NAME: 'value', EMPTY: '', TRICKY: '$& ${env:NAME}' },
  readFile: (path: string) => {
    const text = files[path]
    if (text === undefined) throw missing
    return text
  },
}
const fill = (text: string) => interpolate({ option: text }, surroundings)
const problemOf = (text: string) => {
  const { value, problems } = fill(text)
  expect(value).toEqual({ option: undefined })
  expect(problems).toHaveLength(1)
  expect(problems[0]?.path).toEqual(['option'])
  return problems[0]?.message
}

test.each([
  ['${env:NAME}', 'value'],
  ['http://${env:NAME}:${env:NAME}/', 'http://value:value/'],
  ['${env:EMPTY}', ''],
  ['${file:/run/secrets/a}', 'from a'],
  ['${file:two-lines}', 'one\ntwo\n'],
  ['${file:windows}', 'x'],
  ['$${env:NAME}', '${env:NAME}'],
  ['$${', '${'],
  ['$$${env:NAME}', '$${env:NAME}'],
  ['a $ {b} $x $$', 'a $ {b} $x $$'],
])('%s becomes %j', (text, value) => {
  expect(fill(text)).toMatchObject({ value: { option: value }, problems: [] })
})

test('what comes in is not filled again', () => {
  expect(fill('${env:TRICKY}').value).toEqual({ option: '$& ${env:NAME}' })
  expect(fill('${file:nested}').value).toEqual({ option: '${env:NAME}' })
})

test.each([
  ['${env:NOPE}', 'NOPE, which is not set'],
  ['${env:toString}', 'toString, which is not set'],
  ['${env:__proto__}', '__proto__, which is not set'],
  ['${file:nope}', '"nope", which does not exist'],
  ['${env:}', 'names no variable'],
  ['${env:A-B}', 'names no variable'],
  ['${env:A:-default}', 'names no variable'],
  ['${file:}', 'without a path'],
  ['${NAME}', 'neither ${env:NAME} nor ${file:PATH}'],
  ['${vault:x}', 'neither'],
  ['${}', 'neither'],
  ['a ${env:NAME', 'without "}"'],
])('%s is a problem', (text, words) => expect(problemOf(text)).toContain(words))

test('every problem of a value is told', () => {
  expect(fill('${env:A} ${file:b} ${c').problems).toHaveLength(3)
})

test.each([
  ['EACCES', 'permission'],
  ['EISDIR', 'no plain file'],
  ['EFBIG', '1 MiB'],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', 'UTF-8'],
  ['EIO', 'EIO'],
])('a file that fails with %s', (code, words) => {
  const readFile = () => {
    throw Object.assign(new Error('secret words'), { code })
  }
  const { problems } = interpolate(['${file:x}'], { env: {}, readFile })
  expect(problems[0]?.message).toContain(words)
  expect(problems[0]?.message).not.toContain('secret words')
})

describe('a tree', () => {
  test('is filled everywhere, keys and other values stay, and the input is not changed', () => {
    const url = new URL('https://x')
    const input = { a: [{ 'k ${env:NAME}': '${env:NAME}' }], n: 1, u: url, z: null }
    const { value, fromOutside } = interpolate(input, surroundings)
    expect(value).toEqual({ a: [{ 'k ${env:NAME}': 'value' }], n: 1, u: url, z: null })
    expect([...fromOutside]).toEqual([['["a",0,"k ${env:NAME}"]', '${env:NAME}']])
    expect(input.a[0]).toEqual({ 'k ${env:NAME}': '${env:NAME}' })
  })

  test('that contains itself, or is too deep, is a problem', () => {
    const ring: Record<string, unknown> = {}
    Object.assign(ring, { one: ring, other: { ring } })
    expect(interpolate(ring, surroundings).problems.map(({ message }) => message)).toEqual([
      'contains itself; write it out',
      'contains itself; write it out',
    ])
    let deep: unknown = 1
    for (let depth = 0; depth < 5000; depth += 1) deep = [deep]
    expect(interpolate(deep, surroundings).problems[0]?.message).toContain('too deeply')
  })

  test('keeps a key named __proto__ a key', () => {
    const { value } = interpolate(JSON.parse('{"__proto__":{"polluted":"${env:NAME}"}}'), surroundings)
    expect(Object.keys(Object(value))).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

test('any text without a placeholder stays as it is, and any text at all gives a text or a problem', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { value, problems } = interpolate([text], surroundings)
      if (!text.includes('${')) expect(value).toEqual([text])
      expect(Array.isArray(value) && (typeof value[0] === 'string' || problems.length > 0)).toBe(true)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(interpolate([text.replaceAll('${', '$${')], surroundings).value).toEqual([text])
    }),
  )
})

test('no problem tells a value', () => {
  const secret = 'S3CRET-value-of-the-variable'
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('${env:S}', '${env:S', '${S}', '$', '{', '}', 'x', '${env:NOPE}', '${file:f}', '${file:g}')),
      (parts) => {
        const readFile = (path: string) => {
          if (path === 'f') return secret
          throw missing
        }
        const { problems } = interpolate(parts.join(''), { env: { S: secret }, readFile })
        expect(JSON.stringify(problems)).not.toContain(secret)
      },
    ),
  )
})
