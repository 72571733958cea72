import { isIP } from 'node:net'
import { parseUrl } from './url-reading.ts'

/** Pure judgements about single config values. Each `problem` reads on after the value: `"x" is not an origin; write ...`. */

/** What is wrong with a value, and what to do about it. */
export interface ValueProblem {
  readonly problem: string
}

/** Whether the host can only be this machine: the hosts for which plain http is acceptable (RFC 8252 section 8.3). */
export function isLoopbackHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/**
 * Reads an http or https URL strictly. The URL parser alone takes `https:host`, backslashes and surrounding blanks, which
 * other readers of the same text take for something else.
 */
function parseWebUrl(text: string): URL | undefined {
  return /^https?:\/\/[^\s\\/?#][^\s\\]*$/i.test(text) ? parseUrl(text) : undefined
}

/** A public origin in its canonical form, or what is wrong with the text. */
export function readOrigin(text: string): string | ValueProblem {
  const url = parseWebUrl(text)
  if (url === undefined) return { problem: 'is not an origin; write scheme and host, as in https://app.example.com' }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    return { problem: `has more than scheme, host and port; write ${url.origin}` }
  }
  if (url.hostname.includes('*')) return { problem: 'has a wildcard; an app has one origin, write it out' }
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return { problem: 'is plain http on a host that is not loopback; use https, or browsers drop the cookies' }
  }
  return url.origin
}

/** A URL of scheme, host, port and path alone, or what is wrong with the text. */
export function readHttpUrl(text: string): URL | ValueProblem {
  const url = parseWebUrl(text)
  if (url === undefined) return { problem: 'is not an http or https URL; write it whole, as in https://api.example.com/' }
  if (url.hostname.includes('*')) return { problem: 'has a wildcard; write the host out' }
  if (url.username !== '' || url.password !== '')
    return { problem: 'carries a user or password; remove it, secrets have no place in a URL' }
  if (/[?#]/.test(text)) return { problem: 'has a query or a fragment; only scheme, host, port and path belong here' }
  return url
}

/**
 * Judges an issuer. Its text stays as it is written: the provider's metadata must name it character by character
 * (OpenID Connect Discovery 1.0 section 4.3), and the URL parser would add a slash.
 */
export function issuerProblem(text: string): string | undefined {
  const url = readHttpUrl(text)
  if (!(url instanceof URL)) return url.problem
  const wellKnown = url.pathname.indexOf('/.well-known/')
  if (wellKnown < 0) return undefined
  return 'is the address of the metadata; write the issuer alone, without /.well-known/ and what follows'
}

/** Judges an API's identifier: an absolute URI without fragment (RFC 8707 section 2), kept as it is written. */
export function resourceProblem(text: string): string | undefined {
  if (!/^[a-z][a-z0-9+.-]*:[^\s]+$/i.test(text) || parseUrl(text) === undefined) {
    return 'is not an absolute URI; write it whole, as in https://orders.example.com'
  }
  return text.includes('#') ? 'has a fragment, which a resource cannot have (RFC 8707, section 2); remove it' : undefined
}

/** Judges a path of the app: a plain prefix, in one spelling. */
export function pathProblem(text: string): string | undefined {
  if (/^https?:/i.test(text)) return 'is a whole URL; write the path alone, as in /api/'
  if (!text.startsWith('/')) return 'does not start with "/"; write it as in /api'
  if (/\*|\/:|[{}]/.test(text)) return 'is a pattern, but paths are prefixes; write the part that stays the same, as in /api/'
  if (!/^[A-Za-z0-9\-._~!$&'()+,=:@/]*$/.test(text))
    return "has characters other than letters, digits and -._~!$&'()+,=:@; remove or rename them"
  if (/\/\//.test(text) || /\/\.\.?(\/|$)/.test(text))
    return 'has an empty, "." or ".." segment; write the path in its shortest form'
  return undefined
}

/** Judges what a server is told to listen on. */
export function hostProblem(text: string): string | undefined {
  if (isIP(text) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text)) return undefined
  return 'is not an address or host name; write 127.0.0.1, or 0.0.0.0 for all addresses'
}

/** Judges a scope: scope tokens with one space between (RFC 6749 section 3.3). */
export function scopeProblem(text: string): string | undefined {
  if (/^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/.test(text)) return undefined
  return 'is not a list of scopes; write them with one space between, as in openid profile'
}

/** Judges a header value: what Node would refuse to send, or what would start a second header. */
export function headerValueProblem(text: string): string | undefined {
  return /^[\x20-\x7e]*$/.test(text)
    ? undefined
    : 'is not one line of ASCII characters, so it cannot be sent as a header; remove line breaks and other characters'
}

/** A token of RFC 9110 section 5.6.2: what a cookie name is made of. */
export function isTokenName(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text)
}

/**
 * Whether a secret can hold 32 bytes of entropy: long enough for its alphabet (64 characters of hex, 43 of base64), and
 * not a short pattern repeated. Nothing can tell a phrase from chance; this refuses what is certainly too little.
 */
export function hasEntropy(text: string): boolean {
  const bitsPerCharacter = /^\d*$/.test(text)
    ? 3.3
    : /^(?:[\da-f]*|[\dA-F]*)$/.test(text)
      ? 4
      : /^[\w\-+/=]*$/.test(text)
        ? 6
        : 6.5
  return text.replace(/=+$/, '').length * bitsPerCharacter >= 256 && new Set(text).size >= 10 && !isRepeated(text)
}

/** Whether the text is a shorter one again and again: then it occurs in its double before its end. */
function isRepeated(text: string): boolean {
  const period = (text + text).indexOf(text, 1)
  return period <= text.length / 2
}
