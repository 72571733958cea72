import { format, inspect } from 'node:util'
import { expect, test } from 'vitest'
import { Secret } from './secret.ts'

test('a secret prints as [secret] wherever it is printed', () => {
  const secret = new Secret('hunter2')
  expect(secret.reveal()).toBe('hunter2')
  for (const printed of [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ deep: [secret] }, { showHidden: true, depth: 9 }),
    format('%s %o %j', secret, secret, secret),
    JSON.stringify(structuredClone({ ...secret })),
  ]) {
    expect(printed).not.toContain('hunter2')
  }
  expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}')
})
