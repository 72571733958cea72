import { randomBytes } from 'node:crypto'
import type { Terminal } from './terminal.ts'

/** Prints a new session secret: 32 random bytes in base64url. Only the secret goes to standard output, for use in scripts. */
export function printSecret({ stdout, stderr }: Terminal): void {
  stdout.write(`${randomBytes(32).toString('base64url')}\n`)
  stderr.write(
    'Keep it in COATCHECK_SECRET or in a file, and put "${env:COATCHECK_SECRET}" into session.secrets. Never commit it.\n',
  )
}
