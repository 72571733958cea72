import { expect, test } from 'vitest'
import { formatMessage, mostHeard, parseMessage } from './postgres-message.ts'
import type { PostgresMessage } from './postgres-message.ts'

const messages: readonly PostgresMessage[] = [
  { kind: 'beat', node: 'n', number: 7, trustMs: 400, heard: [] },
  { kind: 'beat', node: 'n', number: 7, trustMs: 400, heard: ['a', 'b'] },
  { kind: 'echo', node: 'n', number: 7 },
  { kind: 'ended', announcement: 'a', keys: ['one', 'two words', ''] },
  { kind: 'ended', announcement: 'a', keys: [] },
  { kind: 'bye', node: 'n' },
]

test.each(messages)('is read as it was written: %o', (message) => {
  expect(parseMessage(formatMessage(message))).toEqual(message)
})

test('the longest fits into a notification', () => {
  const heard = Array.from({ length: mostHeard }, () => 'x'.repeat(12))
  expect(formatMessage({ kind: 'beat', node: 'x'.repeat(12), number: 2 ** 53 - 1, trustMs: 2000, heard }).length).toBeLessThan(
    8000,
  )
})

test.each([
  '',
  'ended',
  'ended\n',
  'bye',
  'echo\nn',
  'echo\nn\nx',
  'other\nx',
  'beat\nn',
  'beat\nn\n1',
  'beat\nn\n1\n-5',
  'beat\nn\nx\n400',
  'beat\nn\n1\n1e400',
])('means nothing: %j', (text) => {
  expect(parseMessage(text)).toBe(undefined)
})
