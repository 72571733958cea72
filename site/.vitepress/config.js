import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sidebarOf } from '../sidebar.js'

const pages = join(import.meta.dirname, '../.pages')

/** GitHub's anchors, so that a link works in the repository and here. */
export const slugify = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const all = existsSync(pages)
  ? readdirSync(pages, { recursive: true })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => ({
        place: name.replace(/\.md$/, ''),
        title: /^# (.*)$/m.exec(readFileSync(join(pages, name), 'utf8'))?.[1]?.replaceAll(/[`\\]/g, ''),
      }))
  : []

export default {
  lang: 'en',
  title: 'Coatcheck',
  description: 'A Backend-for-Frontend for single-page apps: tokens stay on the server, the browser gets one HttpOnly cookie.',
  head: [['link', { rel: 'icon', href: '/icon.svg', type: 'image/svg+xml' }]],
  srcDir: '.pages',
  outDir: 'dist',
  cacheDir: '.cache',
  markdown: {
    linkify: false,
    anchor: { slugify },
    toc: { slugify },
    languageAlias: { caddy: 'nginx', yml: 'yaml' },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Options', link: '/options' },
      { text: 'Errors', link: '/errors' },
      { text: 'Examples', link: '/examples/' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: sidebarOf(all),
    docFooter: { prev: 'Before', next: 'Next' },
  },
}
