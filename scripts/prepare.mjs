// Runs after `npm ci` in a clone and before `npm pack`; npm does not run it for an installed tarball, which carries dist.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))

if (existsSync(compiler)) {
  // A file whose source is gone must not be packed.
  rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
  for (const project of ['tsconfig.json', 'src/browser', 'src/react', 'src/compat']) {
    const { status } = spawnSync(process.execPath, [compiler, '-p', project], { cwd: root, stdio: 'inherit' })
    if (status !== 0) process.exitCode = status ?? 1
  }
} else {
  console.error('coatcheck: installed without development dependencies, so dist is not built.')
}
