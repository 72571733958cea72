import { createPrivateKey, type JsonWebKey, createPublicKey, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** Judgements about private keys and certificates. They never quote what they judge. */

const fromFile = 'to read it from a file, write ${file:PATH}'

/** Whether a text is PEM itself; if not, it names a file. */
export function isPem(text: string): boolean {
  return text.includes('-----BEGIN ')
}

/** What is wrong with a signing key (PKCS#8 PEM, or a JWK as JSON), or `undefined`. */
export function signingKeyProblem(text: string): string | undefined {
  if (!text.trimStart().startsWith('{')) {
    const isOlderForm =
      text.includes('PRIVATE KEY-----') && !text.includes('-----BEGIN PRIVATE KEY-----') && !text.includes('ENCRYPTED')
    return isOlderForm ? 'is not in PKCS#8; convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY' : privateKeyProblem(text)
  }
  try {
    return weakness(createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' }))
  } catch {
    return 'is not a private key in JWK form; it needs kty and the private members, such as d'
  }
}

/** What is wrong with a private key in PEM, or `undefined`. */
export function privateKeyProblem(text: string): string | undefined {
  if (!text.includes('-----BEGIN ')) return `is not a private key in PEM; ${fromFile}`
  if (/-----BEGIN (CERTIFICATE|PUBLIC KEY)/.test(text) && !/PRIVATE KEY-----/.test(text))
    return 'is public; here belongs the private key'
  if (/ENCRYPTED/.test(text)) return 'is encrypted; take the passphrase off with: openssl pkcs8 -topk8 -nocrypt -in KEY'
  try {
    return weakness(createPrivateKey(text))
  } catch {
    return 'is not a readable private key; check that the file is whole, line breaks included'
  }
}

/** FAPI 2.0 section 5.4.1: RSA keys have at least 2048 bits, elliptic curves at least 224. */
function weakness(key: KeyObject): string | undefined {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (modulusLength ?? 0) < 2048 ? `is an RSA key of ${modulusLength ?? 0} bits; take one of at least 2048` : undefined
    case 'ec':
      return ['prime256v1', 'secp384r1', 'secp521r1'].includes(namedCurve ?? '')
        ? undefined
        : 'is on a curve that JWS lacks; take P-256'
    case 'ed25519':
      return undefined
    default:
      return 'is of a kind that cannot sign here; take EC P-256, Ed25519 or RSA with at least 2048 bits'
  }
}

const unreadableCertificate = 'is not a readable certificate; check that the file is whole, line breaks included'

/** What is wrong with certificates in PEM, or `undefined`. */
export function certificateProblem(text: string): string | undefined {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) return `is not a certificate in PEM; ${fromFile}`
  try {
    const certificates = text
      .match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)
      ?.map((part) => new X509Certificate(part))
    return certificates === undefined ? unreadableCertificate : undefined
  } catch {
    return unreadableCertificate
  }
}

/** Whether the first certificate is for the private key. Both have been judged before. */
export function belongTogether(certificate: string, privateKey: string): boolean {
  const ofCertificate = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).equals(ofCertificate)
}
