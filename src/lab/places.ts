/** The same small app, built five ways. */
export const appNames = ['ls', 'mem', 'proxy', 'tmb', 'bff'] as const
export type AppName = (typeof appNames)[number]

export const appTitles: Readonly<Record<AppName, string>> = {
  ls: 'PKCE, tokens in localStorage',
  mem: 'PKCE, tokens in memory',
  proxy: 'Reverse proxy that forwards the bearer of the browser',
  tmb: 'Token-mediating backend',
  bff: 'BFF (Coatcheck)',
}

/** The API as the provider knows it. */
export const apiResource = 'https://api.lab.example'
export const scope = 'openid offline_access account.read account.write'

/** Who stands where. Everything is on 127.0.0.1, told apart by name, so that browsers keep origins and sites apart. */
export interface Places {
  readonly port: number
  readonly bffPort: number
}

export function originOf(places: Places, host: string): string {
  return `http://${host}.localhost:${host === 'bff' ? places.bffPort : places.port}`
}

export function callbackOf(places: Places, app: AppName): string {
  return `${originOf(places, app)}${app === 'bff' ? '/bff/callback' : '/callback'}`
}
