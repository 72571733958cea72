import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { classCounts, rowProblems, rowsOf } from './marked-rows.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string | undefined => {
  const url = new URL(path, root)
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined
}

describe('docs/standards.md', () => {
  const rows = rowsOf(read('docs/standards.md') ?? '')

  test('every requirement is shown by tests that are there, or says why not', () => {
    expect(rows.length).toBeGreaterThanOrEqual(180)
    expect(rows.flatMap((row) => rowProblems(row, read))).toEqual([])
  })

  test('no MUST is open', () => {
    const open = rows.filter(({ cells }) => cells[1]?.startsWith('MUST') && cells.at(-1)?.includes('**open**'))
    expect(open.map(({ id }) => id)).toEqual([])
  })

  test('each has an id of its own', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })
})

describe('the check itself', () => {
  const judge = (line: string) =>
    rowsOf(line).flatMap((row) => rowProblems(row, (path) => (path === 'a.test.ts' ? 'test(1)' : undefined)))

  test('tells a test that is not there, a file that is not there, and a row without either', () => {
    expect(judge('| X-01 | MUST | x | y | `a.test.ts` “test(1)” |')).toEqual([])
    expect(judge('| X-01 | MUST | x | y | `a.test.ts` “test(2)” |')).toEqual(['X-01: a.test.ts has no “test(2)”'])
    expect(judge('| X-01 | MUST | x | y | `b.test.ts` “test(1)” |')).toEqual(['X-01: there is no b.test.ts'])
    expect(judge('| X-01 | MUST | x | y | trust us |')).toEqual(['X-01: neither a test nor a reason'])
  })
})

describe('docs/attacks.md', () => {
  const rows = rowsOf(read('docs/attacks.md') ?? '')

  test('every case is shown by tests that are there', () => {
    expect(rows.length).toBeGreaterThanOrEqual(100)
    expect(rows.flatMap((row) => rowProblems(row, read))).toEqual([])
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  test('docs/security.md counts them', () => {
    const block = /<!-- classes -->\s+([^]*?)\s+<!-- \/classes -->/.exec(read('docs/security.md') ?? '')?.[1] ?? ''
    const cells = block.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))
    expect(cells.slice(2).map((line) => line.slice(1, -1))).toEqual(classCounts(read('docs/attacks.md') ?? ''))
  })
})
