import { expect, test } from 'vitest'
import { nearestName } from './nearest.ts'

const known = ['idleTimeoutSeconds', 'lifetimeSeconds', 'clientId', 'clientSecret', 'upstream', 'path', 'scope']

test.each([
  ['idleTimeoutSecond', 'idleTimeoutSeconds'],
  ['idle_timeout_seconds', 'idleTimeoutSeconds'],
  ['idleTimeout', 'idleTimeoutSeconds'],
  ['ClientID', 'clientId'],
  ['client-secret', 'clientSecret'],
  ['upstraem', 'upstream'],
  ['upstreams', 'upstream'],
  ['pth', 'path'],
])('%s was meant to be %s', (mistaken, name) => expect(nearestName(mistaken, known)).toBe(name))

test.each(['', 'x', 'zebra', 'ключ', '!!!', 'a'.repeat(10_000)])('%j is near nothing', (mistaken) =>
  expect(nearestName(mistaken, known)).toBeUndefined(),
)
