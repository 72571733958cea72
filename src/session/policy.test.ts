import { describe, expect, test } from 'vitest'
import { missingFor, type Requirement } from './policy.ts'

function missing(requirement: Partial<Requirement>, claims: Record<string, unknown>, scope = 'openid'): string | undefined {
  const tokens = { accessToken: 'a', idToken: 'i', scope, claims, resources: {} }
  return missingFor({ scope: [], claims: {}, ...requirement }, { tokens })
}

describe('scope', () => {
  test('all that is required must have been granted, word by word', () => {
    expect(missing({ scope: ['orders.read'] }, {}, 'openid orders.read')).toBeUndefined()
    expect(missing({ scope: ['orders.read', 'orders.write'] }, {}, 'orders.read')).toBe('scope orders.write')
    expect(missing({ scope: ['a b'] }, {}, 'b c a')).toBeUndefined()
    expect(missing({ scope: ['a b'] }, {}, 'a')).toBe('scope b')
    expect(missing({}, {}, '')).toBeUndefined()
  })

  test.each([
    '',
    'orders.read2',
    'xorders.read',
    'orders',
    'ORDERS.READ',
    'orders.read,openid',
    'orders.read\n',
    'orders.read\u00a0',
  ])('%j does not grant orders.read', (scope) => {
    expect(missing({ scope: ['orders.read'] }, {}, scope)).toBe('scope orders.read')
  })
})

describe('claims', () => {
  test('hold with the same value, or a list that has it', () => {
    expect(
      missing({ claims: { role: 'admin', level: 3, staff: true } }, { role: 'admin', level: 3, staff: true }),
    ).toBeUndefined()
    expect(missing({ claims: { groups: 'admins' } }, { groups: ['users', 'admins'] })).toBeUndefined()
    expect(missing({ claims: { role: 'admin', level: 3 } }, { role: 'admin', level: 4 })).toBe('claim level')
  })

  test.each([
    [undefined],
    [null],
    [''],
    ['Admin'],
    ['admin '],
    ['admin\n'],
    ['administrator'],
    ['superadmin'],
    ['admin,user'],
    ['admin user'],
    ['\uff41dmin'],
    [1],
    [true],
    [{ admin: true }],
    [{ 0: 'admin', length: 1 }],
    [[]],
    [['administrator']],
    [[['admin']]],
    [['admin\0']],
  ])('role: admin is not %j', (role) => {
    expect(missing({ claims: { role: 'admin' } }, { role })).toBe('claim role')
  })

  test('types are not converted', () => {
    expect(missing({ claims: { level: 1 } }, { level: '1' })).toBe('claim level')
    expect(missing({ claims: { level: '1' } }, { level: 1 })).toBe('claim level')
    expect(missing({ claims: { staff: true } }, { staff: 'true' })).toBe('claim staff')
    expect(missing({ claims: { staff: true } }, { staff: 1 })).toBe('claim staff')
    expect(missing({ claims: { staff: false } }, {})).toBe('claim staff')
    expect(missing({ claims: { role: 'admin' } }, {})).toBe('claim role')
  })

  test('what every object has by itself is no claim', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(missing({ claims: Object.fromEntries([[name, 'x']]) }, {})).toBe(`claim ${name}`)
    }
    expect(missing({ claims: { role: 'admin' } }, Object.create({ role: 'admin' }) as Record<string, unknown>)).toBe('claim role')
  })

  test('a list is no value of a claim that has one value', () => {
    for (const name of ['sub', 'iss', 'acr', 'name', 'preferred_username']) {
      expect(missing({ claims: { [name]: 'x' } }, { [name]: 'x' })).toBeUndefined()
      expect(missing({ claims: { [name]: 'x' } }, { [name]: ['x'] })).toBe(`claim ${name}`)
    }
  })
})

describe('an address', () => {
  const rule = { claims: { email: 'a@corp.test' } }

  test('counts when the provider verified it', () => {
    expect(missing(rule, { email: 'a@corp.test', email_verified: true })).toBeUndefined()
    expect(missing({ claims: { phone_number: '+1' } }, { phone_number: '+1', phone_number_verified: true })).toBeUndefined()
  })

  test.each([[false], [undefined], [null], ['true'], [1], [[true]]])('does not count with email_verified: %j', (verified) => {
    expect(missing(rule, { email: 'a@corp.test', email_verified: verified })).toBe('claim email')
    expect(missing(rule, { email: 'a@corp.test' })).toBe('claim email')
    expect(missing({ claims: { phone_number: '+1' } }, { phone_number: '+1', phone_number_verified: verified })).toBe(
      'claim phone_number',
    )
  })

  test.each([['a@evil.test@corp.test'], ['a\uff20corp.test'], ['a@corp.test\n'], ['A@corp.test'], [['a@corp.test']], [7]])(
    '%j is another one',
    (email) => {
      expect(missing(rule, { email, email_verified: true })).toBe('claim email')
    },
  )
})
