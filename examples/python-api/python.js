import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const folder = import.meta.dirname
const inVenv = `${folder}/.venv/bin/python`

/**
 * A Python that has PyJWT: the machine's own, or Debian's packages where this user may install them, or a virtual environment
 * with what requirements.txt says.
 */
export function pythonWithJwt() {
  const found = ['python3', '/usr/bin/python3', inVenv].find(hasJwt)
  if (found !== undefined) return found
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const wait = ['-o', 'DPkg::Lock::Timeout=180']
    execFileSync('apt-get', [...wait, 'update'], { env, stdio: 'ignore' })
    const packages = ['python3', 'python3-jwt', 'python3-cryptography']
    execFileSync('apt-get', [...wait, 'install', '-y', '--no-install-recommends', ...packages], { env, stdio: 'ignore' })
    if (hasJwt('/usr/bin/python3')) return '/usr/bin/python3'
  }
  execFileSync('python3', ['-m', 'venv', '--clear', '.venv'], { cwd: folder, stdio: 'inherit' })
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt']
  execFileSync(inVenv, pip, { cwd: folder, stdio: 'inherit' })
  return inVenv
}

function hasJwt(python) {
  try {
    execFileSync(python, ['-c', 'import cryptography, jwt; assert tuple(map(int, jwt.__version__.split(".")[:2])) >= (2, 6)'], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
