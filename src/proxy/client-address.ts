import { isIP, SocketAddress } from 'node:net'
import { addressMatcher } from '../config/address-range.ts'

/**
 * Who really calls: the peer, unless it is a trusted proxy; then the last address that such a proxy reports and that is
 * not one itself, from X-Forwarded-For or, where there is none, from Forwarded (RFC 7239). What is not an IP address
 * ends the walk: text of a stranger is never taken for one. Empty where the peer itself is unknown.
 */
export function clientAddressReader(
  trustedProxies: readonly string[],
): (peer: string | undefined, header: (name: string) => string | undefined) => string {
  const isTrusted = addressMatcher(trustedProxies)
  return (peer, header) => {
    let address = bareAddress(peer ?? '') ?? ''
    if (!isTrusted(address)) return address
    const chain = forwardedChain(header)
    for (let i = chain.length - 1; i >= 0; i -= 1) {
      const next = bareAddress(chain[i] ?? '')
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
  return list === undefined ? (header('forwarded') ?? '').split(',').map(forOf) : list.split(',')
}

/**
 * Whom one element of a Forwarded field is `for`; empty where it does not say so exactly once. Such an element must not
 * be skipped: what stands left of it would be taken for the word of the proxy that wrote it.
 */
function forOf(element: string): string {
  const [pair, more] = element.split(';').filter((part) => /^\s*for\s*=/i.test(part))
  if (pair === undefined || more !== undefined) return ''
  const value = pair.slice(pair.indexOf('=') + 1).trim()
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

/** `1.2.3.4` of `1.2.3.4:80` and `::ffff:1.2.3.4`, `2001:db8::1` of `[2001:DB8:0::1]:80`; `undefined` where it is none. */
function bareAddress(text: string): string | undefined {
  const trimmed = text.trim()
  if (isIP(trimmed) === 4) return trimmed
  const address = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed
  const kind = isIP(address)
  if (kind !== 6) return kind === 4 && !trimmed.startsWith('[') ? address : undefined
  // One spelling, and without the zone, which means something on this machine only.
  const plain = new SocketAddress({ address, family: 'ipv6' }).address
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1] ?? plain
}
