import type { Config } from '../config/schema.ts'

/** Says why the gateway cannot listen, and what to do, where the code of the error tells. */
export function startFailure(error: unknown, { listen, admin }: Config): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const at = `${listen.host}:${listen.port}${admin === undefined ? '' : ` or ${admin.host}:${admin.port}`}`
  switch (code) {
    case 'EADDRINUSE':
      return new Error(`Cannot listen on ${at}: something else does already. Stop it, or change listen.port or admin.port.`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`Cannot listen on ${at}: this machine has no such address. Change listen.host or admin.host.`, {
        cause: error,
      })
    case 'EACCES':
      return new Error(`Cannot listen on ${at}: this user may not. Take a port from 1024 on.`, { cause: error })
    default:
      return error
  }
}
