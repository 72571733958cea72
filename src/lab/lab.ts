import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { freePort, listenOnLoopback } from '../dev/listen.ts'
import { createApi } from './api.ts'
import { Attacker } from './attacker.ts'
import { startGateways } from './gateways.ts'
import { createHosts, type Handler } from './hosts.ts'
import { LabSite } from './lab-site.ts'
import { attack, attackAfterLogout, type Row } from './matrix.ts'
import { createLabProvider } from './provider.ts'
import { bankNames, gatewayNames, originOf, type AppName, type GatewayName, type Places } from './places.ts'
import type { Evidence } from './trials.ts'
import { Deeds } from './deeds.ts'
import { Witness } from './witness.ts'

export interface Lab {
  /** The lab's own page. */
  readonly url: string
  readonly places: Places
  readonly rows: ReadonlyMap<AppName, Row>
  readonly attacker: Attacker
  readonly evidence: Evidence
  /** What the attacker's machine does when it is told to. */
  readonly deeds: Deeds
  /** Attacks from the attacker's machine with what the script sent home. */
  attack(app: AppName): Promise<Row>
  /** The same after the victim has logged out of an app that was attacked before. */
  attackAfterLogout(app: AppName): Promise<Row>
  close(): Promise<void>
}

/** Starts the attack lab: everything in this process, everything on loopback, everything in memory. */
export async function startLab({ port = 0 }: { readonly port?: number } = {}): Promise<Lab> {
  const server = createServer()
  const ownPort = await listenOnLoopback(server, port, 'the attack lab')
  const gatewayPorts = Object.fromEntries(
    await Promise.all(gatewayNames.map(async (name) => [name, await freePort()] as const)),
  ) as Record<GatewayName, number>
  const places: Places = { port: ownPort, gatewayPorts }
  const secrets = Object.fromEntries(['tmb', ...bankNames].map((name) => [name, randomBytes(32).toString('base64url')]))
  const provider = await createLabProvider(places, secrets)
  const api = createApi(provider.issuer, provider.publicKey)
  const attacker = new Attacker(places)
  const witness = new Witness(places)
  const rows = new Map<AppName, Row>()
  const evidence: Evidence = { sightings: witness.sightings, apiCalls: api.calls, exchanges: attacker.exchanges }
  const deeds = new Deeds(attacker, witness)

  const keep = (row: Row): Row => {
    rows.set(row.app, row)
    return row
  }
  const run = async (app: AppName) => keep(await attack(attacker, app, () => provider.codeSentTo(app)))
  const runAfterLogout = async (app: AppName) => keep(await attackAfterLogout(attacker, rows.get(app) ?? (await run(app))))
  const site = new LabSite({ places, rows, attacker, evidence, deeds, run, runAfterLogout })
  const { hosts, behind } = createHosts(places, secrets, attacker)
  hosts.set('lab', (request, response, url) => site.handle(request, response, url))
  hosts.set('api', api.handle)
  hosts.set('idp', async (request, response) => provider.handle(request, response))

  const handlerFor = (host: string | undefined, path: string): Handler | undefined => {
    // Coatcheck's upstreams are asked for by address.
    if (host === `127.0.0.1:${places.port}`) return path.startsWith('/api/') ? api.handle : behind
    const [, name = '', at] = /^([a-z.-]+)\.localhost:(\d+)$/.exec(host ?? '') ?? []
    return at === String(places.port) ? hosts.get(name) : undefined
  }
  server.on('request', (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    const handle = handlerFor(request.headers.host, url.pathname)
    if (handle === undefined) response.writeHead(421).end('The lab answers to its own names only.')
    else handle(request, response, url).catch(() => response.writeHead(400).end())
  })

  const closeServer = async () => {
    witness.close()
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  const gateways = await startGateways(places, provider.issuer, secrets).catch(async (error: unknown) => {
    await closeServer()
    throw error
  })
  return {
    url: `${originOf(places, 'lab')}/`,
    places,
    rows,
    attacker,
    evidence,
    deeds,
    attack: run,
    attackAfterLogout: runAfterLogout,
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()))
      await closeServer()
    },
  }
}
