import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cookieName, isSessionId, keepCookies, readCookie, readCookiesByPrefix, setCookie } from './cookie.ts'

const name = '__Host-Http-coatcheck'
const id = 'A'.repeat(43)

describe('readCookie', () => {
  test.each([
    [`${name}=${id}`],
    [`a=1; ${name}=${id}`],
    [`${name}=${id}; b=2`],
    [`a=1;${name}=${id};b=2`],
    [`a=1; \t ${name}=${id}\t ; b=2`],
    [`  ${name}= ${id}`],
    [`x${name}=evil; ${name}=${id}`],
    [`${name}x=evil; ${name}-login-1=evil; ${name}=${id}`],
    [`a=${name}=evil; ${name}=${id}`],
    [`a=x ${name}=evil; ${name}=${id}`],
    [`${name.toLowerCase()}=evil; ${name}=${id}`],
    [`"${name}"=evil; ${name}=${id}`],
    [`${name} =evil; ${name}=${id}`],
    [`${name}; ${name}=${id}`],
    [`=${name}=evil; ${name}=${id}`],
    [`\u00a0${name}=evil; ${name}=${id}`],
    [`;;; ;${name}=${id};;`],
  ])('finds the one in %j', (header) => {
    expect(readCookie(header, name)).toEqual({ kind: 'one', value: id })
  })

  test.each([
    [undefined],
    [''],
    [name],
    [`${name};`],
    ['='],
    [`x${name}=1`],
    [`${name}x=1`],
    [`a="${name}=1"`],
    [`a=1 ${name}=1`],
    [`a=b,${name}=1`],
    [`${name}-login-7=1`],
  ])('finds none in %j', (header) => {
    expect(readCookie(header, name)).toEqual({ kind: 'none' })
  })

  test.each([
    [`${name}=a; ${name}=b`],
    [`${name}=a; ${name}=a`],
    [`${name}=; ${name}=a`],
    [`${name}=a;\t${name}=`],
    [`${name}=a; x=1; ${name}=b; ${name}=c`],
  ])('finds many in %j', (header) => {
    expect(readCookie(header, name)).toEqual({ kind: 'many' })
  })

  test('keeps a value as it is, and only blanks around it away', () => {
    expect(readCookie(`${name}="q"`, name)).toEqual({ kind: 'one', value: '"q"' })
    expect(readCookie(`${name}=a=b=`, name)).toEqual({ kind: 'one', value: 'a=b=' })
    expect(readCookie(`${name}=\u00a0a\u00a0`, name)).toEqual({ kind: 'one', value: '\u00a0a\u00a0' })
    expect(readCookie(`${name}=`, name)).toEqual({ kind: 'one', value: '' })
  })

  test('agrees with cutting the header at every semicolon', () => {
    const piece = fc.constantFrom('sid', 'sid', '=', ';', ' ', '\t', 'x', '"', ',', '; ', 'sid=1')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 24 }).map((parts) => parts.join('')),
        (header) => {
          const found = header.split(';').flatMap((part) => {
            const cookie = /^[ \t]*sid=(.*)$/.exec(part)
            return cookie === null ? [] : [(cookie[1] ?? '').replace(/^[ \t]+|[ \t]+$/g, '')]
          })
          const expected =
            found.length === 0 ? { kind: 'none' } : found.length > 1 ? { kind: 'many' } : { kind: 'one', value: found[0] }
          expect(readCookie(header, 'sid')).toEqual(expected)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('in no more time than it takes to read', () => {
    for (const unit of [`${name} `, ' ', `${name}\t`, ';', `; ${name}`]) {
      const header = unit.repeat(65_536 / unit.length)
      const startedAt = performance.now()
      readCookie(header, name)
      expect(performance.now() - startedAt, unit).toBeLessThan(100)
    }
  })
})

test('cookies by prefix are those with a number behind it', () => {
  const header = `${name}=s; ${name}-login-1=a; ${name}-login-=b; ${name}-login-x=c; ${name}-login-12 = d ; x${name}-login-3=e; ${name}-login-12345678901=f; ${name}-login-1=g`
  expect(readCookiesByPrefix(header, `${name}-login-`)).toEqual([
    { name: `${name}-login-1`, value: 'a' },
    { name: `${name}-login-12`, value: 'd' },
    { name: `${name}-login-1`, value: 'g' },
  ])
  expect(readCookiesByPrefix(undefined, 'x')).toEqual([])
})

test('kept cookies are well formed and in their order', () => {
  const keep = (header: string) => keepCookies(header, (cookie) => ['a', 'b'].includes(cookie))
  expect(keep('a=1; sid=x;b=2 ;; c ; =a=3;a = 4')).toBe('a=1; b=2; a=4')
  expect(keep('sid=x')).toBe('')
  expect(keep('a="x; sid=secret"')).toBe('a="x')
  expect(keep('\u00a0a=1; a\u00a0=1')).toBe('')
})

describe('a session id', () => {
  test('is 32 bytes in base64url, in the one way that encodes them', () => {
    expect(isSessionId(Buffer.alloc(32, 0xff).toString('base64url'))).toBe(true)
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) =>
        isSessionId(Buffer.from(bytes).toString('base64url')),
      ),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{43}$/), (text) => {
        expect(isSessionId(text)).toBe(Buffer.from(text, 'base64url').toString('base64url') === text)
      }),
    )
  })

  test.each([
    '',
    'A'.repeat(42),
    'A'.repeat(44),
    `${'A'.repeat(42)}B`,
    `${id}=`,
    `${id}\n`,
    ` ${id}`,
    `"${id}"`,
    '%s%n',
    '../../x',
    "'; DROP TABLE s;--",
    '*',
    '__proto__',
    'A\0'.repeat(20),
    'A'.repeat(8192),
  ])('is not %j', (text) => {
    expect(isSessionId(text)).toBe(false)
  })
})

test('Set-Cookie values', () => {
  const session = { httpOnly: true, secure: true, sameSite: 'Strict' } as const
  expect(setCookie(name, id, session)).toBe(`${name}=${id}; Path=/; HttpOnly; Secure; SameSite=Strict`)
  expect(setCookie(name, '', { ...session, maxAgeSeconds: 0 })).toBe(
    `${name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict`,
  )
  expect(setCookie('XSRF-TOKEN', 't', { ...session, httpOnly: false })).toBe('XSRF-TOKEN=t; Path=/; Secure; SameSite=Strict')
  expect(setCookie('coatcheck', id, { ...session, secure: false, sameSite: 'Lax' })).toBe(
    `coatcheck=${id}; Path=/; HttpOnly; SameSite=Lax`,
  )
})

test('the name has its prefix where browsers keep it', () => {
  expect(cookieName({ origin: 'https://app.test', session: { cookie: {} } })).toBe('__Host-Http-coatcheck')
  expect(cookieName({ origin: 'http://localhost:8080', session: { cookie: {} } })).toBe('coatcheck')
  expect(cookieName({ origin: 'https://app.test', session: { cookie: { name: '__Host-mine' } } })).toBe('__Host-mine')
})
