import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deadLinks, foreignParts, htmlIn } from './links.js'

const root = join(import.meta.dirname, '..')
const dist = join(import.meta.dirname, 'dist')
const read = (name) => readFileSync(join(dist, name), 'utf8')

test('no link is dead', () => {
  assert.deepEqual(deadLinks(dist), [])
})

test('a planted dead link is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-site-'))
  try {
    mkdirSync(join(folder, 'a'))
    writeFileSync(
      join(folder, 'index.html'),
      '<h2 id="there">x</h2><a href="/a/b">1</a><a href="/a/b#gone">2</a><img src="/no.svg">',
    )
    writeFileSync(
      join(folder, 'a/b.html'),
      '<a href="../#there">1</a><a class="x" href="c">2</a><a href="https://example.com/">3</a>',
    )
    assert.deepEqual(deadLinks(folder).sort(), ['a/b.html: c', 'index.html: /a/b#gone', 'index.html: /no.svg'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('every page of docs/ and every entry point of the package has a page', () => {
  const pages = htmlIn(dist)
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const modules = Object.entries(entries).filter(([, entry]) => typeof entry !== 'string')
  const wanted = [
    ...docs.map((name) => name.replace(/\.md$/, '.html')),
    ...modules.map(([subpath]) => `api/coatcheck${subpath.slice(1)}.html`),
  ]
  assert.ok(docs.length > 10 && modules.length > 5)
  assert.deepEqual(
    wanted.filter((name) => !pages.includes(name)),
    [],
  )
})

test('every page of docs/ is in the sidebar', () => {
  const links = new Set([...read('getting-started.html').matchAll(/href="\/([\w/-]+)\.html"/g)].map(([, place]) => place))
  const docs = readdirSync(join(root, 'docs')).flatMap((name) => /^(.*)\.md$/.exec(name)?.[1] ?? [])
  assert.deepEqual(
    docs.filter((place) => !links.has(place)),
    [],
  )
})

test('pages load nothing from other hosts', () => {
  assert.deepEqual(foreignParts(dist), [])
})

test('search has an index of what the pages say', () => {
  const chunks = readdirSync(join(dist, 'assets/chunks')).filter((name) => name.includes('localSearchIndex'))
  assert.equal(chunks.length, 1)
  assert.ok(read(`assets/chunks/${chunks[0]}`).includes('/errors.html#'))
})

test('the home page says what the README says', () => {
  const home = read('index.html')
  assert.match(home, /A Backend-for-Frontend for single-page apps/)
  assert.match(home, /What it does not solve/)
})
