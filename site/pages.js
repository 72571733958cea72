import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join, posix } from 'node:path'

/**
 * The pages of the site are the Markdown files of the repository, which read well where they are. Here they are copied to
 * where the generator looks, and their links are turned: to another page, or to a page with the text of the linked file.
 */
export class Pages {
  #root
  #target
  /** By path in the repository: path in the site, without an extension. */
  #places = new Map()
  #filePages = new Set()

  constructor(root, target) {
    this.#root = root
    this.#target = target
    const add = (path, place) => existsSync(join(root, path)) && this.#places.set(path, place)
    for (const name of markdownIn(join(root, 'docs'))) add(`docs/${name}`, name.replace(/\.md$/, ''))
    add('README.md', 'index')
    add('SECURITY.md', 'security-policy')
    add('ARCHITECTURE.md', 'architecture')
    add('CHANGELOG.md', 'changelog')
    add('examples/README.md', 'examples/index')
    for (const name of readdirSync(join(root, 'examples'))) add(`examples/${name}/README.md`, `examples/${name}`)
  }

  write() {
    rmSync(this.#target, { recursive: true, force: true })
    for (const [path, place] of this.#places) {
      const text = readFileSync(join(this.#root, path), 'utf8')
      const turned = this.#turnLinks(path, text)
      this.#writeFile(`${place}.md`, path === 'README.md' ? homePage(turned) : turned)
    }
    return [...this.#places.values()]
  }

  #writeFile(path, text) {
    const file = join(this.#target, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  #turnLinks(path, text) {
    return outsideCode(text, (prose) =>
      prose.replaceAll(/\]\(([^()\s]+)\)/g, (whole, link) => {
        if (/^[a-z]+:/.test(link) || link.startsWith('#')) return whole
        const [file, anchor] = link.split('#', 2)
        return `](${this.#placeOf(posix.join(dirname(path), file))}${anchor === undefined ? '' : `#${anchor}`})`
      }),
    )
  }

  #placeOf(path) {
    const known = this.#places.get(path) ?? this.#places.get(`${path.replace(/\/$/, '')}/README.md`)
    if (known !== undefined) return `/${known.replace(/(^|\/)index$/, '$1')}`
    const source = join(this.#root, path)
    if (!existsSync(source)) throw new Error(`a page links to ${path}, which is not there`)
    if (['.svg', '.png'].includes(extname(path))) {
      mkdirSync(join(this.#target, 'public'), { recursive: true })
      cpSync(source, join(this.#target, 'public', basename(path)))
      return `/${basename(path)}`
    }
    return this.#filePage(path)
  }

  /** A page that shows a file of the repository, or the files of a folder. */
  #filePage(path) {
    // A page named like a file would be taken for that file.
    const place = `files/${path.replaceAll('.', '-').replaceAll('/', '--')}`
    if (!this.#filePages.has(path)) {
      this.#filePages.add(path)
      const isFolder = statSync(join(this.#root, path)).isDirectory()
      const shown = isFolder
        ? filesIn(join(this.#root, path)).map((name) => `## ${name}\n\n${this.#block(posix.join(path, name))}`)
        : [this.#block(path)]
      this.#writeFile(`${place}.md`, `# ${path}\n\n${shown.join('\n')}`)
    }
    return `/${place}`
  }

  #block(path) {
    return `\`\`\`\`${languageOf(path)}\n${readFileSync(join(this.#root, path), 'utf8').trimEnd()}\n\`\`\`\`\n`
  }
}

/** The files of a folder as they were written: nothing that was installed or built. */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => name.replaceAll('\\', '/'))
    .filter(
      (name) => !/(^|\/)(node_modules|dist|\.[^/]*|package-lock\.json)(\/|$)/.test(name) && statSync(join(folder, name)).isFile(),
    )
    .sort((one, other) => (one < other ? -1 : 1))
}

function markdownIn(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.md'))
}

function languageOf(path) {
  const languages = {
    '.yaml': 'yaml',
    '.yml': 'yaml',
    '.js': 'js',
    '.ts': 'ts',
    '.tsx': 'tsx',
    '.html': 'html',
    '.json': 'json',
    '.css': 'css',
    '.mjs': 'js',
    '.py': 'python',
    '.conf': 'nginx',
  }
  return languages[extname(path)] ?? 'txt'
}

/** Changes a page's prose and leaves its fenced blocks alone. */
function outsideCode(text, change) {
  return text
    .split(/(^ *```[\s\S]*?^ *```$)/m)
    .map((part, index) => (index % 2 === 0 ? change(part) : part))
    .join('')
}

/** The home page: the README's first paragraph on top, then what it says up to the list of pages, which the sidebar is. */
function homePage(readme) {
  const [, name, first, rest] = /^# (.*)\n+([^]*?)\n\n([^]*)$/.exec(readme) ?? []
  if (rest === undefined) throw new Error('README.md has another shape than the home page needs: a title, then a paragraph')
  const [, text, tagline] = /^(.*?\.)\s+(.*)$/s.exec(plain(first)) ?? ['', plain(first), '']
  const hero = {
    name,
    text: text.replace(/\.$/, ''),
    tagline: tagline.replace(/\s*That is the pattern of.*$/s, ''),
    actions: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'How it works', link: '/how-it-works', theme: 'alt' },
      { text: 'Examples', link: '/examples/', theme: 'alt' },
    ],
  }
  const body = rest.replace(/^## Read on\n[^]*?(?=^Licence:|(?![^]))/m, '')
  return `---\n${JSON.stringify({ layout: 'home', hero, titleTemplate: text.replace(/\.$/, '') })}\n---\n\n${body}`
}

/** Markdown's words without its marks. */
function plain(markdown) {
  return markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*_]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
