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

/** Coatcheck three times: as it is by default, with its options as loose as they go, and with a step-up before transfers. */
export const gatewayNames = ['bff', 'loose', 'step-up'] as const
export type GatewayName = (typeof gatewayNames)[number]

/** The lab's own deliberately weak BFFs, by the defence that was left out. */
export const weakNames = ['no-samesite', 'no-csrf', 'no-both', 'no-binding', 'no-logout'] as const
export type WeakName = (typeof weakNames)[number]

/** Everything that is a BFF here: the same page stands behind each. */
export type BankName = GatewayName | WeakName
export const bankNames: readonly BankName[] = [...gatewayNames, ...weakNames]

/** What each of them is, where the page or a table names it. */
export const bankTitles: Readonly<Record<BankName, string>> = {
  bff: 'Coatcheck, as it is by default',
  loose: 'Coatcheck, its options as loose as they go',
  'step-up': 'Coatcheck, transfers need a step-up',
  'no-samesite': 'weak BFF: SameSite left out',
  'no-csrf': 'weak BFF: the check for forged requests left out',
  'no-both': 'weak BFF: SameSite and the check left out',
  'no-binding': 'weak BFF: logins not bound to the browser',
  'no-logout': 'weak BFF: logout only clears the cookie',
}

/** The API as the provider knows it. */
export const apiResource = 'https://api.lab.example'
export const scope = 'openid offline_access account.read account.write'

/** The user whose browser is attacked, and the one whom the attacker is at the bank: a customer like any other. */
export const victim = 'ada'
export const attackerUser = 'ben'

/** Who stands where. Everything is on 127.0.0.1, told apart by name, so that browsers keep origins and sites apart. */
export interface Places {
  readonly port: number
  readonly gatewayPorts: Readonly<Record<GatewayName, number>>
}

export function originOf(places: Places, host: string): string {
  const gateway = gatewayNames.find((name) => name === host)
  return `http://${host}.localhost:${gateway === undefined ? places.port : places.gatewayPorts[gateway]}`
}

export function callbackOf(places: Places, client: string): string {
  return `${originOf(places, client)}${bankNames.some((name) => name === client) ? '/bff/callback' : '/callback'}`
}
