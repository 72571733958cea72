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

test('a range covers from its first to its last address', () => {
  const matches = addressMatcher(['192.0.2.64/26', '2001:db8:1::/48', '0.0.0.0/32'])
  for (const address of ['192.0.2.64', '192.0.2.127', '2001:db8:1::', '2001:db8:1:ffff::1', '0.0.0.0'])
    expect(matches(address), address).toBe(true)
  for (const address of ['192.0.2.63', '192.0.2.128', '2001:db8:0:ffff::', '2001:db8:2::', '0.0.0.1', '::'])
    expect(matches(address), address).toBe(false)
  expect(addressMatcher(['192.0.2.77/26'])('192.0.2.64'), 'whatever the bits behind the prefix').toBe(true)
})

test('what is no range matches nothing, and never everything', () => {
  for (const text of ['', '*', '10.0.0.0/', '/0', '10.0.0.0/99', 'all'])
    expect(addressMatcher([text])('10.0.0.1'), text).toBe(false)
})
