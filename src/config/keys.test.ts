import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { certificateProblem, privateKeyProblem, signingKeyProblem } from './keys.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pkcs8 = ec.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

test('keys that can sign', () => {
  expect(signingKeyProblem(pkcs8)).toBeUndefined()
  expect(signingKeyProblem(JSON.stringify(ec.privateKey.export({ format: 'jwk' })))).toBeUndefined()
  expect(
    signingKeyProblem(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  ).toBeUndefined()
  expect(privateKeyProblem(ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString())).toBeUndefined()
})

test.each([
  ['a file name', '/run/secrets/key.pem', 'write ${file:PATH}'],
  ['a public key', ec.publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'is public'],
  ['a public JWK', JSON.stringify(ec.publicKey.export({ format: 'jwk' })), 'private members'],
  ['broken JSON', '{"kty":', 'JWK'],
  ['an older form', ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString(), 'not in PKCS#8'],
  [
    'an encrypted key',
    ec.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
    'is encrypted',
  ],
  ['half a key', pkcs8.slice(0, 60), 'not a readable private key'],
  ['one line', pkcs8.replaceAll('\n', ' '), 'not a readable private key'],
  [
    'a short RSA key',
    generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    '1024 bits',
  ],
  [
    'a curve without JWS',
    generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'curve',
  ],
  [
    'a key that only agrees on keys',
    generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'cannot sign',
  ],
])('%s is refused with a reason', (_what, text, words) => {
  expect(signingKeyProblem(text)).toContain(words)
})

test('certificates', () => {
  expect(certificateProblem('/etc/ssl/ca.pem')).toContain('write ${file:PATH}')
  expect(certificateProblem('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toContain(
    'not a readable certificate',
  )
  expect(certificateProblem('-----BEGIN CERTIFICATE-----\nAAAA')).toContain('not a readable certificate')
})
