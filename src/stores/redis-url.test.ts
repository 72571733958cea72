import { describe, expect, test } from 'vitest'
import { parseRedisUrl } from './redis-url.ts'

const single = { topology: 'single', tls: false, addresses: [{ host: 'cache', port: 6379 }], database: 0 }

describe('parseRedisUrl', () => {
  const good: readonly (readonly [string, object])[] = [
    ['redis://cache', single],
    ['valkey://cache:6379', single],
    ['redis://cache/', single],
    ['rediss://cache:6380/2', { ...single, tls: true, addresses: [{ host: 'cache', port: 6380 }], database: 2 }],
    ['valkeys://[::1]:7', { ...single, tls: true, addresses: [{ host: '::1', port: 7 }] }],
    ['redis://:p%40ss%2F@cache', { ...single, password: 'p@ss/' }],
    ['redis://user:a:b@cache', { ...single, username: 'user', password: 'a:b' }],
    [
      'rediss+sentinel://u:p@one,two:7000/main/3',
      {
        topology: 'sentinel',
        tls: true,
        addresses: [
          { host: 'one', port: 26_379 },
          { host: 'two', port: 7000 },
        ],
        username: 'u',
        password: 'p',
        database: 3,
        primaryName: 'main',
      },
    ],
    [
      'redis+cluster://one:1,[fe80::1]:2,10.0.0.3',
      {
        topology: 'cluster',
        tls: false,
        addresses: [
          { host: 'one', port: 1 },
          { host: 'fe80::1', port: 2 },
          { host: '10.0.0.3', port: 6379 },
        ],
        database: 0,
      },
    ],
  ]
  for (const [url, target] of good) {
    test(`reads ${url}`, () => expect(parseRedisUrl(url)).toEqual(target))
  }

  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /is not like redis:/],
    ['http://cache', /is not like/],
    ['redis:cache', /is not like/],
    ['redis://', /is not like/],
    ['redis://cache?db=1', /is not like/],
    ['redis://secret@cache', /no password/],
    ['redis://u:secret@p@cache', /is not like/],
    ['redis://u:%zz@cache', /percent-encoding/],
    ['redis://cache:0', /port/],
    ['redis://cache:65536', /port/],
    ['redis://cache:x', /HOST:PORT/],
    ['redis://::1', /HOST:PORT/],
    ['redis://one,two', /several servers/],
    ['redis://cache/main', /number of a database/],
    ['redis://cache/0/1', /number of a database/],
    ['redis+sentinel://one,two', /name of the primary/],
    ['redis+cluster://one/1', /cluster does not have/],
    ['redis+cluster://one,,two', /HOST:PORT/],
  ]
  for (const [url, words] of bad) {
    test(`refuses ${url}`, () => {
      expect(() => parseRedisUrl(url)).toThrow(RangeError)
      expect(() => parseRedisUrl(url)).toThrow(words)
      expect(() => parseRedisUrl(url)).not.toThrow(/secret/)
    })
  }
})
