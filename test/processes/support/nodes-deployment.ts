import type { ConfigInput } from '../../../src/config/schema.ts'
import { deploy, type Deployment } from './deployment.ts'
import type { NodesBackend } from './nodes-backend.ts'
import { NodeClient } from './nodes-client.ts'

export const nodeCount = 4
export const serverSecret = 'nodes-w7Hq2Vd9Lx4Rb6Ty1Zk8Mc3Fp5Gs0JnAeUiOlQ'

export interface NodesDeployment {
  readonly deployment: Deployment
  /** One for each process. */
  readonly clients: readonly NodeClient[]
  /** Ends everything now, without the search for secrets that ends a test otherwise: it takes long after a long test. */
  close(): Promise<void>
}

export interface NodesOptions {
  /** How many processes; four unless told. */
  readonly count?: number
  readonly routes?: ConfigInput['routes'] | undefined
}

/** Gateway processes on one store, and a client of each. */
export async function deployNodes(
  backend: NodesBackend,
  { count = nodeCount, routes }: NodesOptions = {},
): Promise<NodesDeployment> {
  await backend.clear()
  const deployment = await deploy({ processes: 0 })
  const written = deployment.config()
  const write = (name: string, clientAuth: string) =>
    deployment.writeConfig(name, {
      ...written,
      provider: { ...written.provider, timeoutSeconds: 10, clientAuth },
      session: { secrets: [serverSecret], store: backend.config },
      log: { level: 'info' },
      ...(routes === undefined ? {} : { routes }),
    })
  // So that the provider can tell who asks: the node that is going to be killed authenticates in its own way.
  write('victim.json', 'client_secret_post')
  write('coatcheck.json', 'client_secret_basic')
  const started = Array.from({ length: count }, async (_, index) => {
    const process = deployment.spawn(index === 0 ? 'victim.json' : 'coatcheck.json')
    const [port, adminPort] = await Promise.all([process.port('listening'), process.port('admin_listening')])
    return { process, port, adminPort }
  })
  deployment.nodes.push(...(await Promise.all(started)))
  const clients = deployment.nodes.map(({ port }) => new NodeClient(port))
  const close = async () => {
    for (const client of clients) client.close()
    await deployment.close()
  }
  return { deployment, clients, close }
}

/** The element that has to be there. */
export function at<T>(all: readonly T[], index: number): T {
  const found = all[index % all.length]
  if (found === undefined) throw new Error('there is nothing to choose from')
  return found
}

/** The value that so many of a hundred do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}
