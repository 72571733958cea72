/** One thing that `coatcheck check` found out. */
export interface Finding {
  readonly step: 'config' | 'provider' | 'upstream' | 'static' | 'store'
  /** `problem`: it will not work. `warning`: it works, but probably not as meant. */
  readonly level: 'ok' | 'warning' | 'problem'
  /** The option it is about, as in `routes[1].upstream`. */
  readonly path: string
  readonly message: string
  /** What to do, where something is to be done. */
  readonly remedy?: string
  /** The place in the config file, where it is known. */
  readonly place?: string
}

/** A finding without what is the same for all findings of a step. */
export type Report = (level: Finding['level'], message: string, remedy?: string, path?: string) => void

/** Collects findings of one step. */
export function collectFindings(step: Finding['step'], path: string): { readonly findings: Finding[]; readonly report: Report } {
  const findings: Finding[] = []
  const report: Report = (level, message, remedy, other = path) => {
    findings.push({ step, level, path: other, message, ...(remedy === undefined ? {} : { remedy }) })
  }
  return { findings, report }
}
