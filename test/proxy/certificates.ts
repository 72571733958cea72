import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A self-signed certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate for 127.0.0.1 that is good for a day. Needs the openssl command. */
export function makeCertificate(commonName: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-cert-'))
  try {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile]
    const name = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    runOpenssl(['req', '-x509', ...key, ...name, '-days', '1', '-out', certFile])
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Debian's openssl, installed here and now where it is missing and this user may; fails loudly otherwise. */
function runOpenssl(args: readonly string[]): void {
  try {
    execFileSync('openssl', args, { stdio: 'pipe' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
    for (const step of [['update'], ['install', '-y', '--no-install-recommends', 'openssl']]) {
      const [command = '', ...rest] = [...prefix, 'apt-get', ...step]
      execFileSync(command, rest, { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
    }
    execFileSync('openssl', args, { stdio: 'pipe' })
  }
}
