import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import * as oidc from 'openid-client'
import type { ProviderConfig } from '../config/schema.ts'

/** How we, a confidential client, authenticate at the provider (RFC 6749 section 2.3, RFC 7523, RFC 8705). */
export async function clientAuth(config: ProviderConfig): Promise<oidc.ClientAuth> {
  switch (config.clientAuth) {
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(config.clientSecret?.reveal())
    case 'client_secret_post':
      return oidc.ClientSecretPost(config.clientSecret?.reveal())
    case 'private_key_jwt': {
      const key = await importForSigning(readPrivateKey(config.clientKey?.reveal() ?? ''))
      return oidc.PrivateKeyJwt(config.clientKeyId === undefined ? key : { key, kid: config.clientKeyId })
    }
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return oidc.TlsClientAuth()
  }
}

/** A private key as PEM or as a JWK in JSON. Throws where it is neither. */
export function readPrivateKey(text: string): KeyObject {
  if (!text.trimStart().startsWith('{')) return createPrivateKey(text)
  return createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
}

const webCryptoCurves: Readonly<Record<string, string>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

/** PS256, ES256 and its siblings, or EdDSA: what FAPI 2.0 section 5.4.1 allows. */
function importForSigning(key: KeyObject): Promise<oidc.CryptoKey> {
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const curve = webCryptoCurves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'P-256'
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSA-PSS', hash: 'SHA-256' }
      : key.asymmetricKeyType === 'ec'
        ? { name: 'ECDSA', namedCurve: curve }
        : { name: 'Ed25519' }
  return crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}
