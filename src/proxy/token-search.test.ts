import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTokenFilter, type BodyScan } from './token-filter.ts'
import { formsOf, needlesOf, unescaped } from './token-forms.ts'
import { TokenSearch } from './token-search.ts'

const part = (length: number) => fc.string({ unit: fc.constantFrom(...'ABCdef019-_'), minLength: length, maxLength: length })
const jwt = fc.tuple(part(20), part(60), part(43)).map((parts) => parts.join('.'))
const opaque = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_~+/=.:|"\\ @'), minLength: 8, maxLength: 60 })
const token = fc.oneof(jwt, opaque)
const text = fc.string({ unit: fc.constantFrom(...'ab{}":, 0A\n/+='), maxLength: 60 })
const base64 = (bytes: string, isUrl: boolean) => Buffer.from(bytes).toString(isUrl ? 'base64url' : 'base64')

/** As providers make them: now and then a character that is neither letter nor digit. */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const usualJwt = fc
  .array(fc.string({ unit: fc.constantFrom(...alphabet), minLength: 43, maxLength: 90 }), { minLength: 3, maxLength: 3 })
  .map((parts) => parts.join('.'))

/** Each character besides letters and digits escaped or not, as it comes: JSON, addresses, HTML. */
const mixture = (whole: string, choices: readonly number[]) =>
  [...whole]
    .map((character, index) => {
      if (/[A-Za-z0-9]/.test(character)) return character
      const code = character.charCodeAt(0).toString(16).padStart(2, '0')
      const raw = '"\\'.includes(character) ? `\\${character}` : character
      const ways = [raw, `\\u00${code}`, `\\u00${code.toUpperCase()}`, `%${code}`, `&#x${code};`, `&#${character.charCodeAt(0)};`]
      return ways[(choices[index % choices.length] ?? 0) % ways.length] ?? raw
    })
    .join('')

const withSpecials = fc.string({ unit: fc.constantFrom(...alphabet, ...'+/+/+='), minLength: 43, maxLength: 120 })

function scanned(scan: BodyScan, bytes: Buffer, cuts: readonly number[]): { released: number; isFound: boolean } {
  let released = 0
  let from = 0
  for (const to of [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    const clean = scan.push(bytes.subarray(from, to))
    if (clean === 'found') return { released, isFound: true }
    released += clean.reduce((sum, { length }) => sum + length, 0)
    from = to
  }
  const rest = scan.end()
  if (rest === 'found') return { released, isFound: true }
  return { released: rest.reduce((sum, { length }) => sum + length, released), isFound: false }
}

describe('a token is found', () => {
  test('in each of its spellings, wherever the bytes are cut, and nothing of it is released', () => {
    fc.assert(
      fc.property(token, text, text, fc.nat(), fc.array(fc.nat(), { maxLength: 6 }), (secret, before, after, which, cuts) => {
        const forms = formsOf(secret)
        const form = forms[which % forms.length] ?? ''
        const bytes = Buffer.from(before + form + after)
        const { released, isFound } = scanned(createTokenFilter([secret]).body(), bytes, cuts)
        expect(isFound, form).toBe(true)
        expect(released).toBeLessThanOrEqual(bytes.indexOf(form))
        expect(new TokenSearch([secret]).isInText(before + form + after)).toBe(true)
      }),
      { numRuns: 600 },
    )
  })

  test('in base64 of whatever it stands in', () => {
    fc.assert(
      fc.property(token, text, text, fc.boolean(), (secret, before, after, isUrl) => {
        const answer = JSON.stringify({ data: base64(before + secret + after, isUrl) })
        expect(new TokenSearch([secret]).isIn(Buffer.from(answer)), answer).toBe(true)
      }),
      { numRuns: 600 },
    )
  })

  test('in any mixture of escapes, wherever the bytes are cut, and nothing of it is released', () => {
    const secrets = fc.oneof(usualJwt, withSpecials).filter((secret) => /[A-Za-z0-9]{12}/.test(secret))
    const choices = fc.array(fc.nat(5), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(secrets, choices, text, fc.array(fc.nat(), { maxLength: 6 }), (secret, ways, around, cuts) => {
        const form = mixture(secret, ways)
        const bytes = Buffer.from(`${around}\n${form}\n${around}`)
        expect(new TokenSearch([secret]).isIn(bytes), form).toBe(true)
        const { released, isFound } = scanned(createTokenFilter([secret]).body(), bytes, cuts)
        expect(isFound, form).toBe(true)
        expect(released, form).toBeLessThanOrEqual(around.length + 1)
      }),
      { numRuns: 1500 },
    )
  })

  test.each([
    ['of .NET', (secret: string) => secret.replaceAll('+', '\\u002B')],
    ['of Mustache', (secret: string) => secret.replaceAll('/', '&#x2F;').replaceAll('=', '&#x3D;')],
    ['of PHP', (secret: string) => secret.replaceAll('/', '\\/')],
    ['of JSON within JSON', (secret: string) => JSON.stringify(JSON.stringify(secret.replaceAll('/', '\\/')))],
    ['of JSON within JSON within JSON', (secret: string) => JSON.stringify(JSON.stringify(JSON.stringify(secret)))],
  ])('as the encoder %s writes it, at every cut', (_name, spell) => {
    const secret = 'Q+3kf/9hG+0aTb/K1z+Wc5nP7uEjXr2sVtYdM8o6LqIi+/='
    const form = spell(secret)
    const bytes = Buffer.from(`{"a":"${form}"}`)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { released, isFound } = scanned(createTokenFilter([secret]).body(), bytes, [cut])
      expect(isFound, String(cut)).toBe(true)
      expect(released, String(cut)).toBeLessThanOrEqual(bytes.indexOf('Q'))
    }
  })

  test('among several, one of which is short', () => {
    const search = new TokenSearch(['12345678', `${'a'.repeat(900)}.${'b'.repeat(43)}`])
    expect(search.isIn(Buffer.from(`${'x'.repeat(5000)}12345678${'x'.repeat(5000)}`))).toBe(true)
    expect(search.isIn(Buffer.from(`${'x'.repeat(999)}${'a'.repeat(900)}.${'b'.repeat(43)}`))).toBe(true)
  })
})

describe('no token is', () => {
  test('a text without one, however much it looks like it', () => {
    fc.assert(
      fc.property(jwt, text, fc.nat(200), fc.array(fc.nat(), { maxLength: 6 }), (secret, around, at, cuts) => {
        // Of the last character base64 holds only a part that is its own.
        const index = at % (secret.length - 1)
        const changed = `${secret.slice(0, index)}!${secret.slice(index + 1)}`
        for (const near of [changed, secret.slice(1), secret.slice(0, -1), base64(changed, false), mixture(changed, [0, 1])]) {
          const bytes = Buffer.from(`${around}\n${near}\n${around}`)
          expect(scanned(createTokenFilter([secret]).body(), bytes, cuts)).toEqual({ released: bytes.length, isFound: false })
        }
      }),
      { numRuns: 300 },
    )
  })

  test('an end that many tokens share', () => {
    const shared = '.tenant-of-europe-west-1.example.com/production'
    const search = new TokenSearch([`secret-one${shared}`])
    expect(search.isIn(Buffer.from(`a page about other${shared} and more`))).toBe(false)
    expect(search.isIn(Buffer.from(`a page about secret-one${shared} and more`))).toBe(true)
  })
})

test('each spelling holds a piece that is looked for, and these are never many', () => {
  fc.assert(
    fc.property(token, (secret) => {
      const forms = formsOf(secret)
      const needles = needlesOf(secret)
      for (const needle of needles)
        expect(
          forms.some((form) => form.includes(needle)),
          needle,
        ).toBe(true)
      for (const form of forms)
        expect(
          needles.some((needle) => form.includes(needle)),
          form,
        ).toBe(true)
      expect(needles.length).toBeLessThanOrEqual(30)
    }),
  )
})

test('what is unescaped is what was escaped', () => {
  expect(unescaped('a\\u002eb%2Fc\\/d\\"e\\\\')).toBe('a.b/c/d"e\\')
  expect(unescaped('a&#x2b;b&#43;c&amp;d&QUOT;e\\\\\\u002Ff&#x;')).toBe('a+b+c&d"e/f&#x;')
})

test('a token across the seam of two large chunks is found, and the first part of it is not released', () => {
  const secret = `${'h'.repeat(20)}.${'p'.repeat(300)}.${'s'.repeat(43)}`
  for (const cut of [1, 7, 8, 100, secret.length - 1]) {
    const scan = createTokenFilter([secret]).body()
    const first = scan.push(Buffer.from('x'.repeat(20_000) + secret.slice(0, cut)))
    expect(first === 'found' ? first : Buffer.concat(first).length, `cut at ${cut}`).toBe(20_000)
    expect(scan.push(Buffer.from(secret.slice(cut) + 'x'.repeat(20_000)))).toBe('found')
    const clean = createTokenFilter([secret]).body()
    clean.push(Buffer.from('x'.repeat(20_000) + secret.slice(0, cut)))
    const rest = clean.push(Buffer.from(`!${secret.slice(cut + 1)}${'x'.repeat(20_000)}`))
    expect(rest === 'found' ? rest : Buffer.concat(rest).length).toBe(20_000 + secret.length)
  }
})
