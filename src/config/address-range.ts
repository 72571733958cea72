import { BlockList, isIP } from 'node:net'

/** An address or CIDR range as text, taken apart; `undefined` where it is neither. */
export function parseAddressRange(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address, bits, more] = text.split('/')
  const kind = isIP(address ?? '')
  if (address === undefined || kind === 0 || more !== undefined) return undefined
  const most = kind === 4 ? 32 : 128
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return undefined
  const prefix = bits === undefined ? most : Number(bits)
  return prefix > most ? undefined : { address, prefix, family: kind === 4 ? 'ipv4' : 'ipv6' }
}

/** Whether an address lies in one of the ranges. An empty list trusts nobody. */
export function addressMatcher(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false
  const list = new BlockList()
  for (const text of ranges) {
    const range = parseAddressRange(text)
    if (range !== undefined) list.addSubnet(range.address, range.prefix, range.family)
  }
  return (address) => {
    const kind = isIP(address)
    return kind !== 0 && list.check(address, kind === 4 ? 'ipv4' : 'ipv6')
  }
}
