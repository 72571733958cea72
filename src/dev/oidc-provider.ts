/** oidc-provider is an optional peer: only those who use the local provider install it. */
export async function importOidcProvider(): Promise<typeof import('oidc-provider')> {
  try {
    return await import('oidc-provider')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND') {
      throw new Error('The local provider needs the package oidc-provider. Install it with: npm i -D oidc-provider', { cause })
    }
    throw cause
  }
}
