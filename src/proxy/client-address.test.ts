import fc from 'fast-check'
import { isIP } from 'node:net'
import { describe, expect, test } from 'vitest'
import { clientAddressReader, forwardedFor } from './client-address.ts'

const trusted = ['10.0.0.0/8', '::1', 'fd00::/8']

/** The address that is read with the given trusted proxies, peer and fields. */
function read(peer: string | undefined, fields: Record<string, string> = {}, proxies: readonly string[] = trusted): string {
  return clientAddressReader(proxies)(peer, (name) => fields[name])
}
const xff = (value: string) => ({ 'x-forwarded-for': value })
const forwarded = (value: string) => ({ forwarded: value })

describe('nobody but a trusted proxy is believed', () => {
  test.each([['198.51.100.7'], ['2001:db8::7'], ['11.0.0.1']])('%s', (peer) => {
    expect(read(peer, { ...xff('1.2.3.4'), ...forwarded('for=1.2.3.4') })).toBe(peer)
  })

  test('and with an empty list, nobody at all', () => {
    expect(read('10.0.0.1', xff('1.2.3.4'), [])).toBe('10.0.0.1')
    expect(read('127.0.0.1', xff('1.2.3.4'), [])).toBe('127.0.0.1')
  })

  test('nor is a peer that is not known', () => {
    expect(read(undefined, xff('1.2.3.4'))).toBe('')
    expect(read('', xff('1.2.3.4'), ['0.0.0.0/0', '::/0'])).toBe('')
    expect(read('/run/app.sock', xff('1.2.3.4'))).toBe('')
  })
})

describe('the chain is walked from its end', () => {
  test.each([
    ['198.51.100.7', '198.51.100.7'],
    ['1.2.3.4, 198.51.100.7', '198.51.100.7'],
    ['1.2.3.4, 198.51.100.7, 10.9.9.9, 10.1.1.1', '198.51.100.7'],
    ['198.51.100.7,10.9.9.9', '198.51.100.7'],
    ['198.51.100.7:5060', '198.51.100.7'],
    ['[2001:DB8:0:0::7]:5060', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['2001:db8::7', '2001:db8::7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::FFFF:c633:6407', '198.51.100.7'],
    ['fe80::7%eth0', 'fe80::7'],
    ['  198.51.100.7  ', '198.51.100.7'],
    ['10.2.2.2', '10.2.2.2'],
    ['', '10.0.0.1'],
  ])('X-Forwarded-For: %s is %s', (value, expected) => {
    expect(read('10.0.0.1', xff(value))).toBe(expected)
  })

  test.each([
    ['unknown'],
    ['_hidden'],
    ['localhost'],
    ['198.51.100.7 10.0.0.2'],
    ['<script>'],
    ['198.51.100.300'],
    ['198.51.100.7:'],
    ['198.51.100.7:123456'],
    ['198.51.100.7:80:80'],
    ['[198.51.100.7]'],
    ['[2001:db8::7'],
    ['2001:db8::7]'],
    ['[2001:db8::7]x'],
    ['0x7f.1'],
    ['127.1'],
    ['1.2.3.4/32'],
    ['"1.2.3.4"'],
    ['1.2.3.4,'],
  ])('junk ends the walk: %s', (junk) => {
    expect(read('10.0.0.1', xff(`1.2.3.4, ${junk}`))).toBe('10.0.0.1')
    expect(read('10.0.0.1', xff(`1.2.3.4, ${junk}, 10.2.2.2`))).toBe('10.2.2.2')
  })

  test.each([
    ['for=198.51.100.7', '198.51.100.7'],
    ['for=1.2.3.4, for=198.51.100.7;proto=https, for=10.1.1.1', '198.51.100.7'],
    ['proto=https;For="[2001:db8::7]:4711"', '2001:db8::7'],
    ['FOR = "198.51.100.7:80" ; by=10.0.0.1', '198.51.100.7'],
    ['for=1.2.3.4, for=unknown', '10.0.0.1'],
    ['for=1.2.3.4, for="_gazonk"', '10.0.0.1'],
    ['for=1.2.3.4, proto=https', '10.0.0.1'],
    ['for=1.2.3.4, for=5.6.7.8;for=9.9.9.9', '10.0.0.1'],
    ['for=1.2.3.4, xfor=5.6.7.8', '10.0.0.1'],
    ['for="1.2.3.4, for=198.51.100.7', '198.51.100.7'],
    ['for="198.51.100.7', '10.0.0.1'],
    ['', '10.0.0.1'],
  ])('Forwarded: %s is %s', (value, expected) => {
    expect(read('10.0.0.1', forwarded(value))).toBe(expected)
  })

  test('X-Forwarded-For goes first where there are both', () => {
    expect(read('10.0.0.1', { ...xff('198.51.100.7'), ...forwarded('for=1.2.3.4') })).toBe('198.51.100.7')
  })

  test('IPv6 peers and those of a dual-stack socket', () => {
    expect(read('::1', xff('198.51.100.7'))).toBe('198.51.100.7')
    expect(read('::ffff:10.0.0.1', xff('198.51.100.7'))).toBe('198.51.100.7')
    expect(read('fd00::1%eth0', xff('2001:db8::7'))).toBe('2001:db8::7')
    expect(read('::ffff:198.51.100.7')).toBe('198.51.100.7')
  })
})

test('never gives anything but one IP address', () => {
  const piece = fc.constantFrom(
    '10.0.0.1',
    '1.2.3.4',
    ',',
    ' ',
    'for=',
    ';',
    '"',
    '[',
    ']',
    '::1',
    ':80',
    'unknown',
    '2001:db8::7',
    '::ffff:',
    '%eth0',
    '\t',
    'fd00::2',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(text, text, (one, other) => {
      const address = read('10.0.0.1', { ...(one === '' ? {} : xff(one)), ...forwarded(other) })
      expect(isIP(address)).not.toBe(0)
      expect(address).not.toContain('%')
      expect(forwardedFor(address)).toMatch(/^(\d+(\.\d+){3}|"\[[0-9a-f:.]+\]")$/)
    }),
    { numRuns: 1000 },
  )
})

test('in a Forwarded field', () => {
  expect(forwardedFor('198.51.100.7')).toBe('198.51.100.7')
  expect(forwardedFor('2001:db8::7')).toBe('"[2001:db8::7]"')
  expect(forwardedFor('')).toBe('unknown')
})
