// urql.ts
import { cacheExchange, createClient, fetchExchange } from '@urql/core'
import { bff } from './bff.ts'

export const urql = createClient({
  url: '/api/graphql',
  fetch: bff.fetch,
  exchanges: [cacheExchange, fetchExchange],
  preferGetMethod: false,
})
