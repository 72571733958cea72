// apollo.ts
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client/core'
import { bff } from './bff.ts'

export const apollo = new ApolloClient({
  link: new HttpLink({ uri: '/api/graphql', fetch: bff.fetch }),
  cache: new InMemoryCache(),
})
bff.on('login', ({ userChanged }) => userChanged && void apollo.clearStore())
