import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts'

let postgres: PostgresServer
const folder = mkdtempSync(join(tmpdir(), 'coatcheck-migrate-'))
const file = join(folder, 'coatcheck.yaml')

beforeAll(async () => {
  postgres = await startPostgres()
  writeFileSync(
    file,
    `origin: http://127.0.0.1:8080
provider: { issuer: http://127.0.0.1:9, clientId: web, clientSecret: s }
session:
  secrets: ['0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ']
  store: { type: postgres, url: '${postgres.url}', schema: made_by_check }
routes: [{ path: /, upstream: 'http://127.0.0.1:9/' }]
`,
  )
})

afterAll(async () => {
  await postgres.stop()
  rmSync(folder, { recursive: true })
})

test('check --migrate makes the tables, says so, and prints no password', async () => {
  let printed = ''
  const terminal = { write: (text: string) => (printed += text) !== '' }
  const io = { stdout: terminal, stderr: terminal, env: {} }
  await run(['check', '--migrate', '-c', file], io)
  expect(printed).toContain('its tables are made and up to date')
  expect(printed).toContain('the postgres store can be read and written')
  expect(printed).not.toContain('postgres:postgres')
  const tables = await postgres.sql<{ n: string }>(
    "select count(*) as n from information_schema.tables where table_schema = 'made_by_check'",
  )
  expect(Number(tables[0]?.n)).toBeGreaterThan(0)
})
