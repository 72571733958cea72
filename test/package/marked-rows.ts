/** A row of a table whose last cell says what shows it. */
export interface MarkedRow {
  readonly id: string
  readonly cells: readonly string[]
}

/** The rows of all tables of a page that begin with an id, as in `BFF-01` or `A08`. */
export function rowsOf(page: string): MarkedRow[] {
  return page.split('\n').flatMap((line) => {
    if (!line.startsWith('| ')) return []
    const cells = line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim())
    const id = cells[0] ?? ''
    return /^[A-Z]{1,3}-?\d{2}$/.test(id) ? [{ id, cells }] : []
  })
}

/** What is wrong with a row: a named test that is not there, or neither a test nor a reason. */
export function rowProblems({ id, cells }: MarkedRow, read: (path: string) => string | undefined): string[] {
  const shown = cells.at(-1) ?? ''
  const named = [...shown.matchAll(/`([^`]+\.ts)` “([^”]+)”/g)].map(([, path = '', title = '']) => ({ path, title }))
  const problems = named.flatMap(({ path, title }) => {
    const text = read(path)
    if (text === undefined) return [`${id}: there is no ${path}`]
    return text.includes(title.replaceAll('\\|', '|')) ? [] : [`${id}: ${path} has no “${title}”`]
  })
  const hasReason = /\*\*(not applicable|open)\*\*/.test(shown)
  return named.length > 0 || hasReason ? problems : [...problems, `${id}: neither a test nor a reason`]
}

/** For each class of docs/attacks.md, and for all: its name, its cases and the tests they name. */
export function classCounts(page: string): string[][] {
  const sections = page.split('\n## ').slice(1)
  const counted = sections.map((section) => {
    const rows = rowsOf(section)
    const tests = rows.flatMap(({ cells }) => [...(cells.at(-1) ?? '').matchAll(/`[^`]+\.ts` “[^”]+”/g)].map(([test]) => test))
    return { name: section.split('\n', 1)[0] ?? '', cases: rows.length, tests }
  })
  const all = {
    name: 'all',
    cases: counted.reduce((sum, { cases }) => sum + cases, 0),
    tests: counted.flatMap(({ tests }) => tests),
  }
  return [...counted, all].map(({ name, cases, tests }) => [name, String(cases), String(new Set(tests).size)])
}
