import { expect, test } from 'vitest'
import { addressMatcher, parseAddressRange } from './address-range.ts'

test('an address or a CIDR range, and nothing else', () => {
  expect(parseAddressRange('10.0.0.1')).toEqual({ address: '10.0.0.1', prefix: 32, family: 'ipv4' })
  expect(parseAddressRange('10.0.0.0/8')).toEqual({ address: '10.0.0.0', prefix: 8, family: 'ipv4' })
  expect(parseAddressRange('fd00::/8')).toEqual({ address: 'fd00::', prefix: 8, family: 'ipv6' })
  for (const text of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0',
    '10.0.0.0/0x8',
  ]) {
    expect(parseAddressRange(text), text).toBeUndefined()
  }
})

test('a matcher knows what lies in its ranges, IPv4 in IPv6 included', () => {
  const matches = addressMatcher(['10.0.0.0/8', 'fd00::1'])
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', 'fd00:0::1']) expect(matches(address), address).toBe(true)
  for (const address of ['11.0.0.1', 'fd00::2', '', 'unknown', '10.1.2.3:80', '10.0.0.0/8'])
    expect(matches(address), address).toBe(false)
  expect(addressMatcher([])('10.0.0.1')).toBe(false)
})
