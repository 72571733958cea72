import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** Installs the npm package that carries the `node` command of a version; gives the folder of the command. */
export async function installNode(version, folder) {
  const words = ['install', '--prefix', folder, '--no-audit', '--no-fund', `node@${version}`]
  await promisify(execFile)('npm', words, { cwd: folder, timeout: 300_000 })
  const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/node/package.json'), 'utf8'))
  return dirname(join(folder, 'node_modules/node', manifest.bin.node))
}
