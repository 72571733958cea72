import { describe, expect, test } from 'vitest'
import { readPostgresOptions } from './postgres-options.ts'
import type { PostgresStoreOptions } from './postgres-store-options.ts'

const read = (url: string, more: object = {}) => readPostgresOptions({ url, ...more })

describe('where the server is', () => {
  test('every part of a URL counts, decoded', () => {
    const { pool, place, channel } = read('postgresql://us%40er:p%23w@[::1]:6543/da%20ta?application_name=gate', {
      schema: 'bff',
    })
    expect(pool).toMatchObject({
      host: '::1',
      port: 6543,
      user: 'us@er',
      password: 'p#w',
      database: 'da ta',
      application_name: 'gate',
    })
    expect([place, channel]).toEqual(['::1:6543/da ta', 'coatcheck:bff'])
  })

  test('a socket is named by its folder', () => {
    expect(read('postgres:///app?host=/var/run/postgresql').pool).toMatchObject({
      host: '/var/run/postgresql',
      port: 5432,
      ssl: false,
    })
  })

  test('a pooler gets no settings at the start, the server itself does', () => {
    const direct = read('postgres://127.0.0.1/app')
    expect([direct.isPooled, direct.pool.statement_timeout, direct.listen.host]).toEqual([false, 900, '127.0.0.1'])
    const pooled = read('postgres://pooler.test/app', { listenUrl: 'postgres://database.test/app' })
    expect([pooled.isPooled, pooled.pool.statement_timeout, pooled.listen.host]).toEqual([true, undefined, 'database.test'])
  })
})

describe('TLS', () => {
  const verified = { rejectUnauthorized: true }

  test.each<[url: string, ssl: unknown]>([
    ['postgres://db.test/app', verified],
    ['postgres://10.0.0.7/app', verified],
    ['postgres://127.0.0.1.evil.test/app', verified],
    ['postgres://localhost.test/app', verified],
    ['postgres://db.test/app?sslmode=require', verified],
    ['postgres://db.test/app?sslmode=verify-ca', verified],
    ['postgres://localhost/app?sslmode=verify-full', verified],
    ['postgres://db.test/app?sslmode=disable', false],
    ['postgres://localhost/app', false],
    ['postgres://127.0.0.1/app', false],
  ])('%s', (url, ssl) => {
    expect(read(url).pool.ssl).toEqual(ssl)
  })

  test('own authorities mean TLS, on loopback too', () => {
    expect(read('postgres://localhost/app', { ca: 'PEM' }).pool.ssl).toEqual({ ...verified, ca: 'PEM' })
  })

  test.each(['prefer', 'allow', 'no-verify', 'Disable'])('sslmode=%s is refused', (mode) => {
    expect(() => read(`postgres://db.test/app?sslmode=${mode}`)).toThrow(/unverified/)
  })
})

describe('refused', () => {
  test.each<[options: PostgresStoreOptions, words: RegExp]>([
    [{ url: 'mysql://u:secret@h/d' }, /url: is not a PostgreSQL URL/],
    [{ url: 'u:secret@h' }, /url: is not a PostgreSQL URL/],
    [{ url: 'postgres://u:secret@a,b:1,2/d' }, /url: is not a PostgreSQL URL/],
    [{ url: 'postgres://u:secret%@h/d' }, /url: has a "%"/],
    [{ url: 'postgres://u:secret@h/d?sslcert=x' }, /the parameter sslcert is not known/],
    [{ url: 'postgres://u:secret@h/d', listenUrl: 'http://h' }, /listenUrl: is not/],
    [{ url: 'postgres://u:secret@h/d', schema: 'a; drop table x' }, /schema/],
    [{ url: 'postgres://u:secret@h/d', schema: 'a"b' }, /schema/],
    [{ url: 'postgres://u:secret@h/d', poolSize: 0 }, /poolSize/],
    [{ url: 'postgres://u:secret@h/d', trustMs: 5000 }, /trustMs/],
  ])('%o', (options, words) => {
    expect(() => readPostgresOptions(options)).toThrow(words)
    expect(() => readPostgresOptions(options)).not.toThrow(/secret/)
  })
})
