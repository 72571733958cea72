import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { peersFolder } from './surroundings.ts'

/** Debian's packages that are needed, by the program that tells whether they are there. */
const packages: Readonly<Record<string, readonly string[]>> = {
  wrk: ['wrk'],
  nginx: ['nginx-light'],
  apache2: ['apache2', 'libapache2-mod-auth-openidc'],
}

const oauth2ProxyModule = 'github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6'

/** Installs what is missing. Throws with the command to run where this user may not install. */
export function installPrograms(names: readonly string[]): void {
  const missing = names.filter((name) => !isThere(name)).flatMap((name) => packages[name] ?? [])
  if (missing.length === 0) return
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0 || !isThere('apt-get')) throw new Error(`The benchmark needs more programs. Run: ${command}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const lock = ['-o', 'DPkg::Lock::Timeout=180']
  execFileSync('apt-get', [...lock, 'update'], { env, stdio: 'ignore' })
  execFileSync('apt-get', [...lock, ...command.split(' ').slice(1)], { env, stdio: 'ignore' })
}

/** The npm packages of the peers, as their lock file says. Some ask for a newer Node.js than they need: only ours are held to that. */
export function installPeers(): void {
  if (existsSync(`${peersFolder}/node_modules`)) return
  const env = { ...process.env, npm_config_engine_strict: 'false', npm_config_loglevel: 'error' }
  execFileSync('npm', ['ci'], { cwd: peersFolder, stdio: 'inherit', env })
}

/** Builds oauth2-proxy from its published module; gives the reason where that is not possible. */
export function buildOauth2Proxy(folder: string): string | undefined {
  if (existsSync(`${folder}/oauth2-proxy`)) return undefined
  if (!isThere('go')) return 'there is no Go toolchain on this machine'
  try {
    execFileSync('go', ['install', oauth2ProxyModule], { env: { ...process.env, GOBIN: folder }, stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `it could not be built: ${String(error).split('\n', 1)[0]}`
  }
}

function isThere(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' })
    return true
  } catch {
    return existsSync(`/usr/sbin/${program}`)
  }
}
