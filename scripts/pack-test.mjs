// Packs the package, installs the tarball into an empty project and uses it there as a stranger would; also by the versions of
// Node that are named on the command line.
import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkBundles } from './pack/bundles.mjs'
import { checkCommandLine } from './pack/command-line.mjs'
import { checkOnNode } from './pack/on-node.mjs'
import { checkPeers } from './pack/peers.mjs'

/** What an install may cost. A breach is a decision to take, not a number to raise in passing. */
const bounds = { tarballKilobytes: 400, installMegabytes: 50, packages: 50 }

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const work = mkdtempSync(join(cleanPlace(), 'coatcheck-pack-'))
const stage = join(work, 'stage')
const project = join(work, 'project')
const installed = join(project, 'node_modules', manifest.name)
const run = promisify(execFile)
const count = { passed: 0, failed: 0 }

async function check(name, body) {
  try {
    const detail = await body()
    count.passed += 1
    console.log(`ok      ${name}${detail === undefined ? '' : `: ${detail}`}`)
  } catch (error) {
    count.failed += 1
    console.log(
      `FAILED  ${name}\n${[error.message, error.stdout, error.stderr].filter(Boolean).join('\n').replace(/^/gm, '        ')}`,
    )
  }
}

function assert(holds, words) {
  if (!holds) throw new Error(words)
}

/** Runs a command to its end and gives what it printed and how it ended; never throws on a bad exit. */
async function outcome(command, words, options = {}) {
  try {
    return { code: 0, ...(await run(command, words, { cwd: project, timeout: 60_000, ...options })) }
  } catch (error) {
    return { code: error.code, stdout: error.stdout ?? '', stderr: error.stderr ?? error.message }
  }
}

/** A node_modules above the project would lend it packages, and what is missing would not be found. */
function cleanPlace() {
  const isClean = (place) => {
    for (let folder = place; folder !== dirname(folder); folder = dirname(folder))
      if (existsSync(join(folder, 'node_modules'))) return false
    return true
  }
  const place = [tmpdir(), '/var/tmp', homedir()].find((folder) => existsSync(folder) && isClean(folder))
  if (place === undefined) throw new Error('every temporary folder lies below a node_modules: set TMPDIR to one that does not')
  return place
}

/** The built package in a folder of its own, so that a dist that somebody is using stays as it is. */
async function pack() {
  mkdirSync(stage)
  const parts = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'schema',
    'src',
    'scripts',
    'tsconfig.json',
    'tsconfig.base.json',
  ]
  for (const part of parts) if (existsSync(join(root, part))) cpSync(join(root, part), join(stage, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(stage, 'node_modules'))
  // `prepare` runs here, as it does for a publisher.
  await run('npm', ['pack', '--pack-destination', work], { cwd: stage })
  const tarball = readdirSync(work).find((name) => name.endsWith('.tgz'))
  assert(tarball !== undefined, 'npm pack made no tarball')
  return join(work, tarball)
}

function listFiles(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile())
}

function entryPoints() {
  return Object.entries(manifest.exports).filter(([, entry]) => typeof entry !== 'string')
}

async function checkTarball(tarball) {
  await check('the tarball is small', () => {
    const kilobytes = Math.ceil(statSync(tarball).size / 1024)
    assert(kilobytes <= bounds.tarballKilobytes, `${kilobytes} kB, more than ${bounds.tarballKilobytes}`)
    return `${kilobytes} kB`
  })
  await check('publint finds nothing', async () => {
    await run(process.execPath, [join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'], { cwd: root })
  })
  await check('the types are right for ESM', async () => {
    const words = [tarball, '--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii']
    await run(process.execPath, [join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), ...words], { cwd: root })
  })
}

async function install(tarball) {
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }))
  const startedAtMs = Date.now()
  await run('npm', ['install', tarball, '--no-audit', '--no-fund', '--engine-strict'], { cwd: project })
  return Math.round((Date.now() - startedAtMs) / 100) / 10
}

async function checkInstall(seconds) {
  await check('the install is small', async () => {
    const lock = JSON.parse(readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8'))
    const packages = Object.keys(lock.packages).length
    const bytes = listFiles(join(project, 'node_modules')).reduce(
      (sum, name) => sum + statSync(join(project, 'node_modules', name)).size,
      0,
    )
    const megabytes = Math.ceil(bytes / 1024 / 1024)
    const said = `${packages} packages, ${megabytes} MB, ${seconds} s`
    assert(packages <= bounds.packages && megabytes <= bounds.installMegabytes, `${said}; allowed: ${JSON.stringify(bounds)}`)
    return said
  })
  await check('the documentation states these bounds', () => {
    const { packages, installMegabytes, tarballKilobytes } = bounds
    const words = `more than ${packages} packages, ${installMegabytes} MB or a tarball of ${tarballKilobytes} kB`
    assert(readFileSync(join(root, 'docs/production.md'), 'utf8').includes(words), `docs/production.md does not say: ${words}`)
  })
  await check('only what belongs there is packed', () => {
    const files = listFiles(installed)
    const strangers = files.filter(
      (name) => !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md|(dist|schema)\/.*\.(js|d\.ts|json|html|css|svg))$/.test(name),
    )
    const tests = files.filter((name) => /\.test\.|tsbuildinfo/.test(name))
    assert(strangers.length + tests.length === 0, `packed as well: ${[...strangers, ...tests].join(', ')}`)
    const wanted = [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      ...entryPoints().flatMap(([, entry]) => Object.values(entry)),
      manifest.bin.coatcheck,
    ]
    const missing = wanted.filter((name) => !existsSync(join(installed, name)))
    assert(missing.length === 0, `missing: ${missing.join(', ')}`)
    return `${files.length} files`
  })
  await check('no optional peer came along', () => {
    const peers = Object.keys(manifest.peerDependencies ?? {}).filter((name) => existsSync(join(project, 'node_modules', name)))
    assert(peers.length === 0, peers.join(', '))
  })
}

/** The one entry whose peer has to be there even to be imported; a page that uses it has it. */
function bringReact() {
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
  for (const name of ['react', '@types/react', 'csstype'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
}

async function checkImports() {
  for (const [subpath] of Object.entries(manifest.exports)) {
    const name = manifest.name + subpath.slice(1)
    await check(`import ${name}`, async () => {
      const attributes = subpath.endsWith('.json') ? ", { with: { type: 'json' } }" : ''
      const script = `console.log(Object.keys(await import('${name}'${attributes})).join(', '))`
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: project })
      return stdout.trim()
    })
  }
  await check('what is not exported cannot be imported', async () => {
    const { code, stderr } = await outcome(process.execPath, [
      '--input-type=module',
      '-e',
      `await import('${manifest.name}/dist/index.js')`,
    ])
    assert(code !== 0 && stderr.includes('ERR_PACKAGE_PATH_NOT_EXPORTED'), `exit ${code}: ${stderr}`)
  })
}

async function checkTypes() {
  await check('a strict TypeScript project compiles against it, libraries checked', async () => {
    const lines = entryPoints().map(([subpath], index) => `import * as part${index} from '${manifest.name}${subpath.slice(1)}'`)
    const parts = entryPoints().map((_, index) => `part${index}`)
    const uses = `import { createBff } from '${manifest.name}'\nimport type { Server } from 'node:http'\nexport const parts: readonly object[] = [${parts.join(', ')}]\n`
    const wrong = `// @ts-expect-error a config without routes is refused by the types\nexport const bff = createBff({ origin: 'https://app.example.com' })\nexport type S = Server\n`
    writeFileSync(join(project, 'consumer.ts'), `${lines.join('\n')}\n${uses}${wrong}`)
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { cwd: project })
  })
}

/** What the checks in `pack/` work with. */
const kit = { check, assert, outcome, work, project, installed, manifest }

try {
  const tarball = await pack()
  await checkTarball(tarball)
  await checkInstall(await install(tarball))
  bringReact()
  await checkImports()
  await checkTypes()
  await checkBundles(kit)
  await checkPeers(kit)
  await checkCommandLine(kit)
  for (const version of process.argv.slice(2)) await checkOnNode(version, kit)
} catch (error) {
  count.failed += 1
  console.log(`FAILED  ${error.message}\n${error.stdout ?? ''}\n${error.stderr ?? ''}`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
if (count.failed > 0) process.exitCode = 1
console.log(`\n${count.passed} passed, ${count.failed} failed`)
