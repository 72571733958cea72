import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vitepress'
import { Pages } from './pages.js'
import { writeReference } from './reference.js'

const here = import.meta.dirname
const root = join(here, '..')
const pages = join(here, '.pages')

new Pages(root, pages).write()
cpSync(join(root, 'demo/spa/public/icon.svg'), join(pages, 'public/icon.svg'))
await writeReference(root, join(pages, 'api'))
await build(here)
