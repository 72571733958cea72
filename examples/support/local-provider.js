import { randomBytes } from 'node:crypto'

/**
 * A local provider in place of yours, for an app at this origin; and the settings that stand in the environment in
 * production, which the app reads from there.
 */
export async function startLocalProvider(startDevProvider, { origin, port, accessTokenTtlSeconds }) {
  // A test that searches for the secrets brings them.
  const secret = (name) => process.env[name] ?? randomBytes(32).toString('base64url')
  const env = { ORIGIN: origin, CLIENT_SECRET: secret('CLIENT_SECRET'), COATCHECK_SECRET: secret('COATCHECK_SECRET') }
  const provider = await startDevProvider({
    port,
    clients: [
      {
        clientId: 'web-bff',
        clientSecret: env.CLIENT_SECRET,
        name: 'Orders',
        redirectUris: [`${origin}/bff/callback`],
        postLogoutRedirectUris: [`${origin}/`],
        backchannelLogoutUri: `${origin}/bff/backchannel-logout`,
      },
    ],
    resources: [{ uri: 'https://orders.example.com', scopes: [] }],
    ...(accessTokenTtlSeconds !== undefined && { accessTokenTtlSeconds }),
    onProblem: console.error,
  })
  return { env: { ...env, ISSUER: provider.issuer }, close: () => provider.close() }
}

/** The API of the examples, as a program for `runTogether`. */
export function ordersApi({ folder, port, issuer }) {
  const words = ['node_modules/orders-api/server.js', `${port}`, issuer, 'https://orders.example.com']
  return { name: 'The API', command: process.execPath, words, cwd: folder }
}
