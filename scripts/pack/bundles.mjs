import { join } from 'node:path'
import { build } from 'esbuild'

const adapters = ['node', 'express', 'fastify', 'hono', 'next']
/** What the adapters may weigh, minified: they map a request to a lane and bring nothing along. */
const mostAdapterBytes = 1500

/** What a bundler makes of the installed package: that adapters are light, and that nothing optional is drawn in. */
export async function checkBundles({ check, assert, project, manifest }) {
  await check('an adapter brings neither its framework nor the engine', async () => {
    const sizes = await Promise.all(
      adapters.map(async (name) => [name, (await bundle(project, `export * from '${manifest.name}/${name}'`)).bytes]),
    )
    const heavy = sizes.filter(([, bytes]) => bytes > mostAdapterBytes)
    assert(heavy.length === 0, `over ${mostAdapterBytes} bytes: ${heavy.join(', ')}`)
    return sizes.map(([name, bytes]) => `${name} ${bytes} B`).join(', ')
  })
  await check('the engine imports no optional peer', async () => {
    const { packages } = await bundle(project, `export * from '${manifest.name}'`)
    const strangers = packages.filter((name) => !name.startsWith('node:') && manifest.dependencies[name] === undefined)
    assert(strangers.length === 0, `imported as well: ${strangers.join(', ')}`)
    return packages.filter((name) => !name.startsWith('node:')).join(', ')
  })
  await check('what is not used is left out of a bundle', async () => {
    const { bytes, packages } = await bundle(project, `export { BffError } from '${manifest.name}'`)
    assert(bytes < 4000 && packages.every((name) => name.startsWith('node:')), `${bytes} bytes with ${packages.join(', ')}`)
    return `BffError alone: ${bytes} B`
  })
}

/** The size of a bundle with the package inlined, and the other packages that are loaded with it. */
async function bundle(project, contents) {
  const packages = new Set()
  const keepOutside = {
    name: 'outside',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || path === 'coatcheck' || path.startsWith('coatcheck/')) return undefined
        return { path, external: true, sideEffects: false }
      })
    },
  }
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    absWorkingDir: join(project),
    plugins: [keepOutside],
  })
  for (const { imports } of Object.values(metafile.outputs))
    for (const { path, kind } of imports) if (kind === 'import-statement') packages.add(path)
  const nameOf = (path) => path.split('/', path.startsWith('@') ? 2 : 1).join('/')
  return {
    bytes: outputFiles[0].contents.length,
    packages: [...new Set([...packages].map(nameOf))].toSorted((a, b) => (a < b ? -1 : 1)),
  }
}
