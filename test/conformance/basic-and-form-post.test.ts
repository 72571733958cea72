// The modules of the Basic RP plan, and the same over POST (Form Post RP plan); names are those of the OpenID conformance suite,
// without `oidcc-client-test-`. What a module asks of a relying party is asked of the gateway against the scripted provider.
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeEcKey, signingKey, type Claims } from '../support/signing.ts'
import { hostileScene } from '../security/support/hostile-case.ts'
import { expectAccepted, expectRefused, logIn } from './module.ts'

describe.each(['query', 'form_post'] as const)('response_mode %s', (responseMode) => {
  const scene = hostileScene({
    config: { provider: { responseMode, scope: 'openid profile email phone address offline_access' } },
  })

  const idToken = (change: (claims: Claims) => string) => {
    scene.internet.provider.makeIdToken = change
  }
  const changed = (changes: Claims) => idToken((claims) => scene.internet.provider.signIdToken({ ...claims, ...changes }))

  test('oidcc-client-test', async () => {
    const { provider } = scene.internet
    await expectAccepted(scene.internet)
    expect(provider.calls.authorize[0]?.form.get('response_mode') ?? 'query').toBe(responseMode)
    expect([provider.calls.token.length, provider.calls.userinfo.length]).toEqual([1, 1])
  })

  const refusedClaims: [string, Claims][] = [
    ['invalid-iss', { iss: 'https://evil.test' }],
    ['missing-sub', { sub: undefined }],
    ['invalid-aud', { aud: 'somebody-else' }],
    ['missing-aud', { aud: undefined }],
    ['missing-iat', { iat: undefined }],
    ['nonce-invalid', { nonce: 'another' }],
    ['invalid-athash', { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ]
  test.each(refusedClaims)('%s', async (_module, changes) => {
    changed(changes)
    await expectRefused(scene.internet)
  })

  test('missing-athash: at_hash is optional in the code flow', async () => {
    changed({ at_hash: undefined })
    await expectAccepted(scene.internet)
  })

  test.each([
    ['invalid-chash: c_hash has no meaning at the token endpoint', { c_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    ['missing-chash', { c_hash: undefined }],
  ])('%s', async (_module, changes) => {
    changed(changes)
    await expectAccepted(scene.internet)
  })

  test('kid-absent-single-jwks', async () => {
    const { provider } = scene.internet
    idToken((claims) => provider.signIdToken(claims, { kid: null }))
    await expectAccepted(scene.internet)
  })

  test('kid-absent-multiple-jwks: refused, or accepted after all keys were tried', async () => {
    const { provider, clock } = scene.internet
    const [good = signingKey(0)] = provider.jwksKeys
    clock.advance(3_600_000)
    provider.jwksKeys = [signingKey(5), good]
    idToken((claims) => provider.signIdToken(claims, { kid: null, key: good.privateKey }))
    scene.allow({ victimHarmed: true })
    const { user, isLoggedIn } = await logIn(scene.internet)
    expect(new URL(user.tab.url).pathname).toBe(isLoggedIn ? '/x' : '/bff/error')
    // A key that is published under no name at all is never a way in.
    idToken((claims) => provider.signIdToken(claims, { kid: null, key: signingKey(9).privateKey }))
    await expectRefused(scene.internet)
    provider.jwksKeys = [good]
  })

  test('idtoken-sig-rs256', async () => {
    const { provider } = scene.internet
    idToken((claims) => provider.signIdToken(claims, { alg: 'RS256' }))
    await expectAccepted(scene.internet)
  })

  test('idtoken-sig-none: refused', async () => {
    const { provider } = scene.internet
    idToken((claims) => provider.signIdToken(claims, { alg: 'none' }))
    await expectRefused(scene.internet)
  })

  test('invalid-sig-rs256', async () => {
    const { provider } = scene.internet
    idToken((claims) => provider.grants.remember(provider.sign(claims).replace(/.{12}$/, 'AAAAAAAAAAAA'), 'id_token'))
    await expectRefused(scene.internet)
  })

  test('invalid-sig-hs256', async () => {
    const { provider } = scene.internet
    idToken((claims) =>
      provider.signIdToken(claims, { alg: 'HS256', key: Buffer.from('not the client secret, but long enough') }),
    )
    await expectRefused(scene.internet)
  })

  test('invalid-sig-es256', async () => {
    const { provider } = scene.internet
    const key = makeEcKey('key-0')
    idToken((claims) => provider.signIdToken(claims, { alg: 'ES256', kid: 'key-0', key: key.privateKey }))
    await expectRefused(scene.internet)
  })

  test('userinfo-invalid-sub', async () => {
    const { provider } = scene.internet
    provider.override('userinfo', { body: { sub: 'user-mallory', name: 'Mallory' } })
    await expectRefused(scene.internet)
  })

  test('scope-userinfo-claims', async () => {
    const { provider } = scene.internet
    provider.override('userinfo', {
      body: { sub: 'user-ada', name: 'Ada L.', phone_number: '+44 1', address: { country: 'GB' } },
    })
    const user = await expectAccepted(scene.internet)
    expect(provider.calls.authorize[0]?.form.get('scope')?.split(' ')).toEqual(
      expect.arrayContaining(['openid', 'profile', 'email', 'phone', 'address']),
    )
    expect(await user.session()).toMatchObject({ user: { sub: 'user-ada', name: 'Ada L.' } })
  })

  test('client-secret-basic', async () => {
    const { provider } = scene.internet
    await expectAccepted(scene.internet)
    const [call] = provider.calls.token
    expect(call?.headers.authorization).toMatch(/^Basic /)
    expect(call?.form.has('client_secret'), 'one method per request').toBe(false)
  })

  test('nonce-unless-code-flow: sent in the code flow too', async () => {
    await expectAccepted(scene.internet)
    expect(scene.internet.provider.calls.authorize[0]?.form.get('nonce')?.length).toBeGreaterThanOrEqual(22)
  })

  test('userinfo-bearer-header', async () => {
    await expectAccepted(scene.internet)
    const [call] = scene.internet.provider.calls.userinfo
    expect(call?.headers.authorization).toMatch(/^Bearer \S+$/)
    expect([call?.url.search, call?.body]).toEqual(['', ''])
  })

  test('form-post-error: the error ends at our page, and nothing is asked at the token endpoint', async () => {
    const { provider } = scene.internet
    provider.denyNext('access_denied', 'the user said no')
    await expectRefused(scene.internet)
    expect(provider.calls.token).toEqual([])
  })

  test('PKCE and state are what binds the answer to this browser', async () => {
    const { provider } = scene.internet
    await expectAccepted(scene.internet)
    const verifier = provider.calls.token[0]?.form.get('code_verifier') ?? ''
    expect(verifier).toMatch(/^[\w.~-]{43,128}$/)
    expect(createHash('sha256').update(verifier).digest('base64url')).toBe(
      provider.calls.authorize[0]?.form.get('code_challenge'),
    )
  })
})
