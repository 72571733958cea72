import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Every link, image, script and style of the built pages that leads to no file, or to no heading of its page. */
export function deadLinks(folder) {
  const pages = htmlIn(folder)
  const ids = new Map(pages.map((name) => [name, idsOf(readFileSync(join(folder, name), 'utf8'))]))
  return pages.flatMap((name) =>
    linksOf(readFileSync(join(folder, name), 'utf8')).flatMap((link) => {
      if (isElsewhere(link)) return []
      const [path, anchor = ''] = link.split('#', 2)
      const found = path === '' ? name : fileOf(folder, name, decodeURI(path))
      if (found === undefined) return [`${name}: ${link}`]
      return anchor === '' || ids.get(found)?.has(decodeURIComponent(anchor)) === true ? [] : [`${name}: ${link}`]
    }),
  )
}

/** Everything that a browser would load from another host to show a page. */
export function foreignParts(folder) {
  const parts = /<(?:script|img|iframe|source)[^>]*\ssrc="(https?:[^"]*)"|<link[^>]*\shref="(https?:[^"]*)"/g
  return htmlIn(folder).flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(parts)].map(([, src, href]) => `${name}: ${src ?? href}`),
  )
}

export function htmlIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.html'))
}

function linksOf(html) {
  return [...html.matchAll(/<(?:a|img|script|link)\b[^>]*?\s(?:href|src)="([^"]*)"/g)].map(([, link]) =>
    link.replaceAll('&amp;', '&'),
  )
}

function idsOf(html) {
  return new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id.replaceAll('&amp;', '&')))
}

function isElsewhere(link) {
  return /^[a-z][a-z+.-]*:/i.test(link) || link.startsWith('//')
}

function fileOf(folder, from, path) {
  const name = (path.startsWith('/') ? path.slice(1) : join(dirname(from), path)).replace(/\?.*$/, '')
  return [name, `${name}.html`, join(name, 'index.html')]
    .map((candidate) => (candidate === '' ? 'index.html' : candidate))
    .find((candidate) => existsSync(join(folder, candidate)) && statSync(join(folder, candidate)).isFile())
}
