import { afterAll, beforeAll, describe, test } from 'vitest'
import { sessionStoreContract } from '../../src/stores/contract.ts'
import { createPostgresStore } from '../../src/stores/postgres.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresServer } from '../support/postgres-server.ts'

/** Each test begins with nodes that nobody knows yet, for which a write waits this long. */
const trustMs = 60

let server: PostgresServer
let schemas = 0
const schema = () => `contract_${process.pid}_${schemas}`

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(async () => {
  for (; schemas > 0; schemas--) await server.sql(`drop schema if exists ${schema()} cascade`)
  await server.stop()
})

describe('PostgreSQL store', () => {
  sessionStoreContract({
    test,
    create: (clock) => {
      schemas += 1
      return createPostgresStore({ url: server.url, schema: schema(), trustMs, clock })
    },
    second: (clock) => createPostgresStore({ url: server.url, schema: schema(), trustMs, clock }),
  })
})
