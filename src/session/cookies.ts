import type { Config } from '../config/schema.ts'
import { cookieName, isSessionId, readCookie, readCookiesByPrefix, setCookie, type CookieAttributes } from './cookie.ts'

/** What a request's Cookie header says about a session. */
export type PresentedSession =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly id: string }
  /** Several session cookies, or one that is no id of ours: never looked up. */
  | { readonly kind: 'malformed' | 'many' }

/** The session cookie, and the CSRF cookie beside it where the config asks for it. */
export class SessionCookie {
  readonly name: string
  readonly isStrict: boolean
  readonly #attributes: CookieAttributes
  readonly #csrf: CookieAttributes | undefined
  readonly #csrfTokenOf: (sessionId: string) => string

  constructor(config: Config, csrfTokenOf: (sessionId: string) => string) {
    this.name = cookieName(config)
    this.isStrict = config.session.cookie.sameSite === 'strict'
    const secure = config.origin.startsWith('https:')
    this.#attributes = { httpOnly: true, secure, sameSite: this.isStrict ? 'Strict' : 'Lax' }
    this.#csrf = config.csrf.cookie ? { httpOnly: false, secure, sameSite: 'Strict' } : undefined
    this.#csrfTokenOf = csrfTokenOf
  }

  read(cookieHeader: string | undefined): PresentedSession {
    const found = readCookie(cookieHeader, this.name)
    if (found.kind !== 'one') return found
    return isSessionId(found.value) ? { kind: 'one', id: found.value } : { kind: 'malformed' }
  }

  /** Set-Cookie values of a new session. Without Max-Age: the browser forgets it when it is closed (ASVS, NIST 5.1). */
  written(id: string): string[] {
    return [setCookie(this.name, id, this.#attributes), ...this.csrfWritten(this.#csrf && this.#csrfTokenOf(id))]
  }

  csrfWritten(token: string | undefined): string[] {
    return this.#csrf === undefined || token === undefined ? [] : [setCookie('XSRF-TOKEN', token, this.#csrf)]
  }

  cleared(): string[] {
    const expired = { maxAgeSeconds: 0 }
    const cookies = [setCookie(this.name, '', { ...this.#attributes, ...expired })]
    if (this.#csrf !== undefined) cookies.push(setCookie('XSRF-TOKEN', '', { ...this.#csrf, ...expired }))
    return cookies
  }
}

const loginNames = 10_000

/** The cookies of logins under way, one each. */
export class LoginCookies {
  readonly prefix: string
  readonly #attributes: CookieAttributes
  readonly #most: number
  readonly #random: (bytes: number) => Uint8Array

  constructor(config: Config, limits: { most: number; lifeSeconds: number }, random: (bytes: number) => Uint8Array) {
    this.prefix = `${cookieName(config)}-login-`
    const secure = config.origin.startsWith('https:')
    // form_post comes as a cross-site POST, with which only SameSite=None cookies go.
    const crossSitePost = config.provider.responseMode === 'form_post' && secure
    this.#attributes = { httpOnly: true, secure, sameSite: crossSitePost ? 'None' : 'Lax', maxAgeSeconds: limits.lifeSeconds }
    this.#most = limits.most
    this.#random = random
  }

  read(cookieHeader: string | undefined): { name: string; value: string }[] {
    return readCookiesByPrefix(cookieHeader, this.prefix)
  }

  /** A free name. Drawn from many, so that tabs which start at the same moment do not overwrite each other's login. */
  newName(cookieHeader: string | undefined): string {
    const taken = new Set(this.read(cookieHeader).map(({ name }) => name))
    let number = Buffer.from(this.#random(4)).readUInt32BE(0) % loginNames
    // Where all are taken, one of them is overwritten.
    for (let tries = 1; tries < loginNames && taken.has(this.prefix + number); tries += 1) number = (number + 1) % loginNames
    return this.prefix + number
  }

  /** The cookies that must go to make room for one more: those that do not open, then the oldest. */
  outdated(cookieHeader: string | undefined, startedAtMs: (value: string, name: string) => number | undefined): string[] {
    const known = this.read(cookieHeader).map(({ name, value }) => ({ name, at: startedAtMs(value, name) ?? -Infinity }))
    known.sort((a, b) => b.at - a.at)
    return known.filter(({ at }, index) => at === -Infinity || index >= this.#most - 1).map(({ name }) => name)
  }

  written(name: string, value: string): string {
    return setCookie(name, value, this.#attributes)
  }

  cleared(name: string): string {
    return setCookie(name, '', { ...this.#attributes, maxAgeSeconds: 0 })
  }
}
