import 'server-only'
import { createBff } from 'coatcheck'
import { once } from 'coatcheck/next'

export const bff = once(() =>
  createBff({
    origin: '${env:ORIGIN}',
    provider: {
      issuer: '${env:ISSUER}',
      clientId: 'web-bff',
      clientSecret: '${env:CLIENT_SECRET}',
      scope: 'openid profile offline_access',
    },
    session: { secrets: ['${env:COATCHECK_SECRET}'] },
    routes: [{ path: '/api/', upstream: '${env:API_URL}', token: { resource: 'https://orders.example.com' } }],
  }),
)
