import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../config/resolve.ts'
import type { Config, ConfigInput } from '../config/schema.ts'
import { LoginCookies, SessionCookie } from './cookies.ts'

function configOf(input: Partial<ConfigInput> = {}, responseMode: 'query' | 'form_post' = 'query'): Config {
  return resolveConfig({
    origin: 'https://app.test',
    provider: { issuer: 'https://id.test', clientId: 'c', clientSecret: 's', responseMode },
    session: { secrets: ['0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'], store: { type: 'memory' } },
    routes: [{ path: '/', static: '.' }],
    ...input,
  })
}
const id = 'A'.repeat(43)
const secure = '; Path=/; HttpOnly; Secure; SameSite=Strict'

describe('the session cookie', () => {
  const cookie = new SessionCookie(configOf(), () => 'csrf')

  test('is written for this host alone, until the browser closes', () => {
    expect(cookie.written(id)).toEqual([`__Host-Http-coatcheck=${id}${secure}`])
    expect(cookie.cleared()).toEqual(['__Host-Http-coatcheck=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict'])
    expect(cookie.csrfWritten('csrf')).toEqual([])
    expect(cookie.isStrict).toBe(true)
  })

  test('is read only as the one well-formed id', () => {
    expect(cookie.read(undefined)).toEqual({ kind: 'none' })
    expect(cookie.read(`x=1; __Host-Http-coatcheck=${id}`)).toEqual({ kind: 'one', id })
    expect(cookie.read(`__Host-Http-coatcheck=${id}; __Host-Http-coatcheck=${id}`)).toEqual({ kind: 'many' })
    for (const value of ['', '../../x', `"${id}"`, `${id}${id}`])
      expect(cookie.read(`__Host-Http-coatcheck=${value}`)).toEqual({ kind: 'malformed' })
    expect(cookie.read(`coatcheck=${id}`)).toEqual({ kind: 'none' })
  })

  test('has the CSRF cookie beside it where the config says so', () => {
    const both = new SessionCookie(configOf({ csrf: { cookie: true } }), (of) => `csrf-of-${of.length}`)
    expect(both.written(id)[1]).toBe('XSRF-TOKEN=csrf-of-43; Path=/; Secure; SameSite=Strict')
    expect(both.csrfWritten(undefined)).toEqual([])
    expect(both.cleared()[1]).toBe('XSRF-TOKEN=; Path=/; Max-Age=0; Secure; SameSite=Strict')
  })

  test('is plain on a loopback http origin, and lax where asked', () => {
    const session = { secrets: configOf().session.secrets, cookie: { sameSite: 'lax' as const } }
    const plain = new SessionCookie(configOf({ origin: 'http://localhost:8080', session }), () => '')
    expect(plain.written(id)).toEqual([`coatcheck=${id}; Path=/; HttpOnly; SameSite=Lax`])
    expect(plain.isStrict).toBe(false)
  })
})

describe('the login cookies', () => {
  const prefix = '__Host-Http-coatcheck-login-'
  const drawn = (...numbers: number[]) => {
    let next = 0
    return (bytes: number) => {
      const buffer = Buffer.alloc(bytes)
      buffer.writeUInt32BE(numbers[next++ % numbers.length] ?? 0)
      return buffer
    }
  }
  const cookiesOf = (random = drawn(7), config = configOf()) => new LoginCookies(config, { most: 5, lifeSeconds: 900 }, random)

  test('live 15 minutes and come along from another site', () => {
    expect(cookiesOf().written(`${prefix}7`, 'sealed')).toBe(
      `${prefix}7=sealed; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax`,
    )
    expect(cookiesOf().cleared(`${prefix}7`)).toBe(`${prefix}7=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`)
  })

  test('come along with a cross-site POST where the provider answers with one, if browsers keep them', () => {
    expect(cookiesOf(drawn(7), configOf({}, 'form_post')).written('x', 'y')).toContain('; Secure; SameSite=None')
    expect(cookiesOf(drawn(7), configOf({ origin: 'http://localhost:1' }, 'form_post')).written('x', 'y')).toContain(
      '; HttpOnly; SameSite=Lax',
    )
  })

  test('get names that are free', () => {
    expect(cookiesOf().newName(undefined)).toBe(`${prefix}7`)
    expect(cookiesOf(drawn(10_007)).newName('')).toBe(`${prefix}7`)
    expect(cookiesOf().newName(`${prefix}7=x; ${prefix}8=y`)).toBe(`${prefix}9`)
    expect(cookiesOf(drawn(9_999)).newName(`${prefix}9999=x`)).toBe(`${prefix}0`)
  })

  test('get a name even where a client claims to have them all', () => {
    const header = Array.from({ length: 10_000 }, (_, number) => `${prefix}${number}=x`).join(';')
    expect(cookiesOf().newName(header)).toMatch(/-login-\d{1,4}$/)
  })

  test('are at most five: what does not open goes, then the oldest', () => {
    const header = [3, 1, 6, 2, 5, 4].map((number) => `${prefix}${number}=${number}`).join('; ')
    const outdated = (started: (value: string) => number | undefined) => cookiesOf().outdated(header, started).sort()
    expect(outdated(Number)).toEqual([`${prefix}1`, `${prefix}2`])
    expect(outdated((value) => (value === '5' ? undefined : Number(value)))).toEqual([`${prefix}1`, `${prefix}5`])
    expect(outdated(() => undefined)).toHaveLength(6)
    expect(cookiesOf().outdated(undefined, Number)).toEqual([])
  })
})
