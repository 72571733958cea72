import { isIP } from 'node:net'
import { addressMatcher } from '../config/address-range.ts'

/**
 * Who really calls: the peer, unless it is a trusted proxy; then the last address in X-Forwarded-For (or RFC 7239
 * Forwarded) that is not one. What is not an IP address ends the walk: text of a stranger is never taken for one.
 */
export function clientAddressReader(
  trustedProxies: readonly string[],
): (peer: string | undefined, header: (name: string) => string | undefined) => string {
  const isTrusted = addressMatcher(trustedProxies)
  return (peer, header) => {
    let address = plainAddress(peer ?? '') ?? ''
    if (!isTrusted(address)) return address
    const chain = forwardedChain(header)
    for (let i = chain.length - 1; i >= 0; i -= 1) {
      const next = plainAddress(chain[i] ?? '')
      if (next === undefined) return address
      address = next
      if (!isTrusted(address)) return address
    }
    return address
  }
}

/** An address as it stands in a Forwarded field (RFC 7239 section 6). */
export function forwardedFor(address: string): string {
  if (address === '') return 'unknown'
  return address.includes(':') ? `"[${address}]"` : address
}

function forwardedChain(header: (name: string) => string | undefined): string[] {
  const list = header('x-forwarded-for')
  if (list !== undefined) return list.split(',')
  return (header('forwarded') ?? '').split(',').flatMap((element) => {
    const pair = element.split(';').find((part) => /^\s*for\s*=/i.test(part))
    return pair === undefined ? [] : [pair.slice(pair.indexOf('=') + 1).trim().replace(/^"(.*)"$/, '$1')]
  })
}

/** The bare address of `1.2.3.4:80`, `[::1]:80`, `::ffff:1.2.3.4` and the like; `undefined` where it is none. */
function plainAddress(text: string): string | undefined {
  let address = text.trim()
  const bracketed = /^\[([^\]]+)\](:\d+)?$/.exec(address)
  if (bracketed !== null) address = bracketed[1] ?? ''
  else if (/^\d+\.\d+\.\d+\.\d+:\d+$/.test(address)) address = address.slice(0, address.indexOf(':'))
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) address = mapped[1] ?? ''
  return isIP(address) === 0 ? undefined : address.toLowerCase()
}
