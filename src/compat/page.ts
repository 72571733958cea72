import { createBffClient } from '../browser/client.ts'
import type { BffClient, BffClientOptions, LoginOptions } from '../browser/types.ts'

export interface CompatOptions extends Pick<BffClientOptions, 'base' | 'csrf'> {
  /** `strict`: reading a token throws `TokenNotInBrowserError`. For tests and CI. Default: `tolerant`. */
  readonly mode?: 'tolerant' | 'strict'
}

let options: CompatOptions = {}
let made: BffClient | undefined

/** Call it before the library is used. An import swap alone needs none of it where the gateway has its defaults. */
export function configureCompat(chosen: CompatOptions): void {
  if (made) throw new Error('configureCompat has to be called before anything asks for the session')
  options = chosen
}

/** The one client of the page: all stand-ins share what it knows. */
export function compatClient(): BffClient {
  const { base = '/bff', csrf = 'token' } = options
  return (made ??= createBffClient({ base, csrf }))
}

export function isStrict(): boolean {
  return options.mode === 'strict'
}

/** What the libraries call the parameters of a login. */
export interface LoginParameters {
  readonly prompt?: string | undefined
  readonly login_hint?: string | undefined
  readonly acr_values?: string | undefined
  readonly max_age?: number | string | undefined
  readonly ui_locales?: string | undefined
}

export function loginOptions(given: LoginParameters): Omit<LoginOptions, 'returnTo'> {
  const { prompt, login_hint: loginHint, acr_values: acrValues, max_age: maxAge, ui_locales: uiLocales } = given
  return {
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { loginHint }),
    ...(acrValues !== undefined && { acrValues }),
    ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
    ...(uiLocales !== undefined && { uiLocales }),
  }
}

/** The callback route of the app as a path; where the page is now if it is of another origin. */
export function returnPath(redirectUri: unknown): { returnTo?: string } {
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri, location.origin)) return {}
  const { origin, pathname, search, hash } = new URL(redirectUri, location.origin)
  return origin === location.origin ? { returnTo: pathname + search + hash } : {}
}

/**
 * What follows a call that leaves the page waits, as in the library: an address set then would take the place of the login or
 * the logout. A page out of the back-forward cache goes on.
 */
export function shownAgain(): Promise<void> {
  return new Promise((resolve) => {
    addEventListener('pageshow', (event) => event.persisted && resolve())
  })
}
