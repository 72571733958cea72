import { execFileSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * An nginx program: that of this machine, or Debian's package unpacked into a folder, which needs no root and starts no
 * service.
 */
export function nginxProgram(cacheFolder) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const unpacked = join(cacheFolder, 'root/usr/sbin/nginx')
  return [...folders.map((folder) => join(folder, 'nginx')), unpacked].find(isExecutable) ?? unpack(cacheFolder, unpacked)
}

function unpack(cacheFolder, program) {
  mkdirSync(cacheFolder, { recursive: true })
  try {
    execFileSync('apt-get', ['download', 'nginx'], { cwd: cacheFolder, stdio: ['ignore', 'ignore', 'inherit'] })
    const file = readdirSync(cacheFolder).find((name) => name.endsWith('.deb'))
    execFileSync('dpkg-deb', ['-x', file, 'root'], { cwd: cacheFolder })
    execFileSync(program, ['-v'], { stdio: 'ignore' })
    return program
  } catch (cause) {
    throw new Error('This example needs nginx. Install it, so that it is on the PATH.', { cause })
  }
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
