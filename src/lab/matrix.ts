import type { Attacker } from './attacker.ts'
import { appTitles, type AppName } from './places.ts'

export const columns = {
  storage: 'read from storage',
  hook: 'hook fetch',
  backend: 'ask the own backend',
  newFlow: 'login of its own',
  refresh: 'replay the refresh token',
  afterLogout: 'after logout',
  rideRead: 'ride: read',
  rideWrite: 'ride: write',
} as const
export type Column = keyof typeof columns

/** What one attack came to. The statuses decide; the words only name what was tried. */
export interface Cell {
  readonly what: string
  readonly statuses: readonly number[]
  /** Whether the attacker got what it came for, which is so where the last status is 200. */
  readonly isTaken: boolean
  /** Ids of the raw exchanges of the attacker's machine; none for riding, which happens in the page. */
  readonly exchanges: readonly number[]
}

export interface Row {
  readonly app: AppName
  readonly title: string
  /** What was not tried yet has no cell. */
  readonly cells: Readonly<Partial<Record<Column, Cell>>>
  /** An access token that the attacker holds, for the question what still works after logout. */
  readonly held: string | undefined
}

type Step = { readonly id: number; readonly status: number }

function cell(what: string, ...steps: readonly Step[]): Cell {
  return {
    what,
    statuses: steps.map(({ status }) => status),
    isTaken: steps.at(-1)?.status === 200,
    exchanges: steps.map(({ id }) => id).filter((id) => id > 0),
  }
}

/** Sends everything that the attacker holds of one app, from the attacker's machine. */
export async function attack(attacker: Attacker, app: AppName, codeOnTheWire: () => string | undefined): Promise<Row> {
  const found = (from: 'storage' | 'hook' | 'backend') => attacker.found(app, from)
  const replay = async (what: string, token: string | undefined) => {
    const exchange = await attacker.readAccount(`${app}: ${what}`, token)
    return cell(token === undefined ? 'nothing' : 'access token', exchange)
  }
  const storage = await replay('token from storage', found('storage').access)
  const hook = await replay('token from a hooked call', found('hook').access)
  const backend = await replay('token from the own backend', found('backend').access)

  // The code is redeemed even where no script could read it: what if it leaks by another way?
  const read = attacker.lootOf(app, 'new flow').find(({ code }) => typeof code === 'string')?.code ?? undefined
  const redeemed = await attacker.redeem(`${app}: redeem the code`, app, read ?? codeOnTheWire() ?? '')
  const fresh = redeemed.access
  const used = fresh === undefined ? [] : [await attacker.readAccount(`${app}: token of the new flow`, fresh)]
  const newFlow = cell(read === undefined ? 'code not readable' : 'code', redeemed.exchange, ...used)

  const refreshToken = found('storage').refresh ?? redeemed.refresh
  const refreshed = await attacker.refresh(`${app}: refresh`, app, refreshToken)
  const refresh = cell(refreshToken === undefined ? 'nothing' : 'refresh token', refreshed.exchange)

  const ride = (method: string) => {
    const seen = attacker.lootOf(app, 'hook').findLast((loot) => loot.method === method && loot.url?.includes('/api/') === true)
    return seen?.status === undefined ? undefined : cell(method, { id: 0, status: seen.status })
  }
  const [rideRead, rideWrite] = [ride('GET'), ride('POST')]
  const held = fresh ?? found('storage').access ?? found('hook').access ?? found('backend').access
  const rides = { ...(rideRead && { rideRead }), ...(rideWrite && { rideWrite }) }
  return { app, title: appTitles[app], cells: { storage, hook, backend, newFlow, refresh, ...rides }, held }
}

/** The same once more, after the victim has logged out of the app. */
export async function attackAfterLogout(attacker: Attacker, row: Row): Promise<Row> {
  const late = await attacker.readAccount(`${row.app}: after logout`, row.held)
  const afterLogout = cell(row.held === undefined ? 'nothing' : 'access token', late)
  return { ...row, cells: { ...row.cells, afterLogout } }
}

/** The matrix as a Markdown table. */
export function matrixMarkdown(rows: readonly Row[]): string {
  const keys = Object.keys(columns) as Column[]
  const text = (cell: Cell | undefined) => {
    if (cell === undefined) return 'not tried'
    const told = `${cell.what}: ${cell.statuses.join(', ')}`
    return cell.isTaken ? `**${told}**` : told
  }
  return [
    `| app | ${keys.map((key) => columns[key]).join(' | ')} |`,
    `| --- | ${keys.map(() => '---').join(' | ')} |`,
    ...rows.map(({ title, cells }) => `| ${title} | ${keys.map((key) => text(cells[key])).join(' | ')} |`),
  ].join('\n')
}
