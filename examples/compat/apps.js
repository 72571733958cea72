import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the source of each app is, what it imports, and how its provider names its endpoints. */
export const apps = {
  'oidc-client-ts': { file: 'main.js', library: 'oidc-client-ts', standIn: 'coatcheck/compat/oidc-client-ts' },
  'react-oidc-context': { file: 'main.jsx', library: 'react-oidc-context', standIn: 'coatcheck/compat/react-oidc-context' },
  'keycloak-js': {
    file: 'main.js',
    library: 'keycloak-js',
    standIn: 'coatcheck/compat/keycloak-js',
    issuerPath: '/realms/demo',
    routes: {
      authorization: '/protocol/openid-connect/auth',
      token: '/protocol/openid-connect/token',
      end_session: '/protocol/openid-connect/logout',
    },
  },
  'auth0-react': {
    file: 'main.jsx',
    library: '@auth0/auth0-react',
    standIn: 'coatcheck/compat/auth0-react',
    issuerPath: '/',
    routes: { authorization: '/authorize', token: '/oauth/token', end_session: '/v2/logout' },
  },
}

export const forms = ['original', 'moved']

/** The source of an app: as it is here, or with the names in its import lines swapped, and nothing else. */
export function sourceOf(name, form) {
  const { file, library, standIn } = apps[name]
  const source = readFileSync(join(import.meta.dirname, name, file), 'utf8')
  if (form === 'original') return source
  return source
    .split('\n')
    .map((line) => (line.startsWith('import ') ? line.replace(`from '${library}'`, `from '${standIn}'`) : line))
    .join('\n')
}
