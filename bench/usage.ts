import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** CPU time in seconds and resident memory in bytes, of a process with all its descendants. */
export interface Usage {
  readonly userSeconds: number
  readonly systemSeconds: number
  readonly residentBytes: number
}

interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly userTicks: number
  readonly systemTicks: number
  readonly residentBytes: number
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())
const pageBytes = Number(execFileSync('getconf', ['PAGESIZE']).toString())

/** What a process and everything below it have used since they began. Linux only: it reads /proc. */
export function usageOf(root: number): Usage {
  const rows = treeOf(root)
  const sum = (pick: (row: ProcessRow) => number): number => rows.reduce((total, row) => total + pick(row), 0)
  return {
    userSeconds: sum((row) => row.userTicks) / ticksPerSecond,
    systemSeconds: sum((row) => row.systemTicks) / ticksPerSecond,
    residentBytes: sum((row) => row.residentBytes),
  }
}

/** CPU seconds of everything on this machine that is not ours, by pid. Kernel threads are left out. */
export function foreignTimes(): ReadonlyMap<number, number> {
  const own = new Set(treeOf(process.pid).map(({ pid }) => pid))
  const rows = processes().filter(({ pid, parent }) => !own.has(pid) && pid !== 2 && parent !== 2)
  return new Map(rows.map((row) => [row.pid, (row.userTicks + row.systemTicks) / ticksPerSecond]))
}

/** CPU seconds that others took between two looks. */
export function foreignSeconds(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  return [...after].reduce((total, [pid, seconds]) => total + seconds - (before.get(pid) ?? 0), 0)
}

function treeOf(root: number): ProcessRow[] {
  const all = processes()
  const wanted = new Set([root])
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid)
  }
  return all.filter(({ pid }) => wanted.has(pid))
}

function processes(): ProcessRow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [rowOf(Number(pid), readFileSync(`/proc/${pid}/stat`, 'latin1'))]
      } catch {
        return [] // It ended between the two reads.
      }
    })
}

/** The fields of /proc/PID/stat after the name in brackets, which may hold anything. */
function rowOf(pid: number, stat: string): ProcessRow {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const at = (index: number): number => fields[index] ?? 0
  return { pid, parent: at(1), userTicks: at(11), systemTicks: at(12), residentBytes: at(21) * pageBytes }
}
