import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Writes what changes from step to step, and how many lines that is, into docs/moving-bit-by-bit.md: node diffs.js

const pagePath = join(import.meta.dirname, '../../docs/moving-bit-by-bit.md')

export const readPage = () => readFileSync(pagePath, 'utf8')

/** The page with its generated parts as they have to be: `<!-- diff FROM TO -->` to `<!-- end -->`, or `count` for all. */
export function pageText() {
  return readPage().replaceAll(
    /(<!-- (diff|count) (\S+) (\S+) -->\n)[^]*?(<!-- end -->)/g,
    (_whole, begin, kind, from, to, end) => {
      const changes = changesBetween(from, to)
      return `${begin}\n${kind === 'diff' ? blocks(changes) : table(changes)}\n\n${end}`
    },
  )
}

/** Each file that differs between two folders, with its diff and the counted lines. */
function changesBetween(from, to) {
  const words = ['--recursive', '--unified=2', '--new-file', '--exclude=dist', from, to]
  const { stdout, stderr, status } = spawnSync('diff', words, { cwd: import.meta.dirname, encoding: 'utf8' })
  if (status === null || status > 1) throw new Error(`diff has failed: ${stderr}`)
  return stdout
    .split(/^diff .*\n/m)
    .slice(1)
    .map((text) => {
      const [before, after, ...lines] = text.trimEnd().split('\n')
      const name = after.slice(4).split('\t')[0].replace(`${to}/`, '')
      const count = (sign) => lines.filter((line) => line.startsWith(sign)).length
      return {
        name,
        isNew: before.includes('1970-01-01'),
        isGone: after.includes('1970-01-01'),
        lines,
        added: count('+'),
        removed: count('-'),
      }
    })
}

function blocks(changes) {
  return changes
    .map(({ name, isNew, isGone, lines }) => {
      const words = isNew ? ', new' : isGone ? ', deleted' : ''
      return `\`${name}\`${words}:\n\n\`\`\`diff\n${lines.map((line) => line.trimEnd()).join('\n')}\n\`\`\``
    })
    .join('\n\n')
}

function table(changes) {
  const sum = (what) => changes.reduce((total, change) => total + change[what], 0)
  const rows = [
    ['file', 'added', 'removed'],
    ...changes.map(({ name, added, removed }) => [`\`${name}\``, `${added}`, `${removed}`]),
    ['**all**', `**${sum('added')}**`, `**${sum('removed')}**`],
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(rows[0]), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(pagePath, pageText())
