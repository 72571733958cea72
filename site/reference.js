import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application } from 'typedoc'

/** Writes the API reference from the sources: a page for each entry point of the package. */
export async function writeReference(root, target) {
  const { name, exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const modules = Object.entries(entries)
    .filter(([, entry]) => typeof entry !== 'string')
    .map(([subpath, { types }]) => ({
      name: name + subpath.slice(1),
      source: join(root, types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts')),
    }))
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: modules.map(({ source }) => source),
    tsconfig: join(import.meta.dirname, 'tsconfig.json'),
    basePath: join(root, 'src'),
    name: 'API reference',
    out: target,
    // Types are checked elsewhere, each part with the library of its own place: here a page, there Node.
    skipErrorChecking: true,
    readme: 'none',
    excludePrivate: true,
    excludeExternals: true,
    excludeInternal: true,
    disableSources: true,
    sort: ['kind', 'alphabetical'],
    logLevel: 'Warn',
    treatWarningsAsErrors: false,
    validation: false,
    outputFileStrategy: 'modules',
    entryFileName: 'index',
    fileExtension: '.md',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    parametersFormat: 'table',
    typeAliasPropertiesFormat: 'table',
    tableColumnSettings: { hideSources: true, hideModifiers: true, hideDefaults: true, leftAlignHeaders: true },
  })
  const project = await app.convert()
  if (project === undefined || app.logger.hasErrors()) throw new Error('the sources cannot be read for the API reference')
  for (const child of project.children ?? []) {
    const found = modules.find(({ source }) => source.replace(/\.tsx?$/, '').endsWith(`/src/${child.name}`))
    if (found !== undefined) child.name = found.name
  }
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error('the API reference cannot be written')
}
