import { startDevProvider } from '../src/dev/provider.ts'
import type { DevProvider } from '../src/dev/provider.ts'
import type { DevUser } from '../src/dev/users.ts'
import { startOrdersApi } from './orders-api/server.ts'
import type { DemoPlan } from './plan.ts'

const users: readonly DevUser[] = [
  {
    sub: 'ada',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    roles: ['customer'],
    scopes: ['orders.read', 'orders.write'],
    note: 'May look at her orders and place new ones',
  },
  {
    sub: 'ben',
    name: 'Ben Okri',
    email: 'ben@example.com',
    roles: ['customer'],
    scopes: ['orders.read'],
    note: 'May only look at his orders',
  },
]

/** Starts what stands around Coatcheck in the demo: the provider and the orders API. */
export async function startSurroundings(plan: DemoPlan): Promise<{ close(): Promise<void> }> {
  const { origin, provider } = plan.config
  const started: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(started.map((part) => part.close()))
  }
  try {
    const localProvider: DevProvider = await startDevProvider({
      port: plan.providerPort,
      clients: [
        {
          clientId: provider.clientId,
          clientSecret: plan.env.DEMO_CLIENT_SECRET,
          name: 'Harbour Coffee',
          redirectUris: [`${origin}/bff/callback`],
          postLogoutRedirectUris: [`${origin}/`],
          backchannelLogoutUri: `${origin}/bff/backchannel-logout`,
        },
      ],
      users,
      resources: [{ uri: plan.resource, scopes: ['orders.read', 'orders.write'] }],
      accessTokenTtlSeconds: 60,
      onProblem: console.warn,
    })
    started.push(localProvider)
    started.push(await startOrdersApi({ port: plan.apiPort, issuer: localProvider.issuer, audience: plan.resource }))
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}
