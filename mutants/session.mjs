/** Weakenings of sessions: cookie, seal, record, lookup, refresh, logout. */
const cookie = 'src/session/cookie.test.ts'
const cookies = 'src/session/cookies.test.ts'
const seal = 'src/session/seal.test.ts'
const sessions = 'src/session/sessions.test.ts'
const tokens = 'src/session/tokens.test.ts'
const policy = 'src/session/policy.test.ts'
const logout = 'test/flows/logout.test.ts'

export const session = [
  {
    file: 'src/session/cookie.ts',
    original: 'if (found !== none) return many',
    mutant: 'if (found !== none) return found',
    weakens: 'of two session cookies the first counts (tossing)',
    tests: [cookie, cookies],
  },
  {
    file: 'src/session/cookie.ts',
    original: "if (before >= 0 && header[before] !== ';') return undefined",
    mutant: '',
    weakens: 'a cookie whose name ends like ours is ours',
    tests: [cookie],
  },
  {
    file: 'src/session/cookie.ts',
    original: 'return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value)',
    mutant: 'return value.length > 0',
    weakens: 'anything is a session id',
    tests: [cookie, cookies],
  },
  {
    file: 'src/session/cookie.ts',
    original: "if (attributes.httpOnly) parts.push('HttpOnly')",
    mutant: '',
    weakens: 'the session cookie can be read by scripts',
    tests: [cookie, 'test/flows/login.test.ts'],
  },
  {
    file: 'src/session/cookie.ts',
    original: "if (attributes.secure) parts.push('Secure')",
    mutant: '',
    weakens: 'the session cookie goes over plain http',
    tests: [cookie, 'test/flows/login.test.ts'],
  },
  {
    file: 'src/session/cookies.ts',
    original: "return isSessionId(found.value) ? { kind: 'one', id: found.value } : { kind: 'malformed' }",
    mutant: "return { kind: 'one', id: found.value }",
    weakens: 'a made-up id costs a look into the store',
    tests: [cookies, 'test/flows/session.test.ts'],
  },
  {
    file: 'src/session/cookies.ts',
    original: 'known.filter(({ at }, index) => at === -Infinity || index >= this.#most - 1)',
    mutant: 'known.filter(({ at }) => at === -Infinity)',
    weakens: 'logins that were begun pile up cookies without end',
    tests: [cookies, 'test/flows/login.test.ts'],
  },
  {
    file: 'src/session/seal.ts',
    original: 'cipher.setAAD(Buffer.concat([head, Buffer.from(`${purpose}\\n${context}`)]))',
    mutant: 'cipher.setAAD(head)',
    weakens: 'a sealed value is not bound to its place',
    tests: [seal],
    also: [
      {
        original: 'decipher.setAAD(Buffer.concat([bytes.subarray(0, headBytes), Buffer.from(`${purpose}\\n${context}`)]))',
        mutant: 'decipher.setAAD(bytes.subarray(0, headBytes))',
      },
    ],
  },
  {
    file: 'src/session/seal.ts',
    original: 'if (salt !== undefined) return Buffer.from(hkdfSync(',
    mutant: 'if (salt !== undefined && salt.length === 0) return Buffer.from(hkdfSync(',
    weakens: "the server's secrets alone open the tokens in the store",
    tests: [seal, sessions],
  },
  {
    file: 'src/session/seal.ts',
    original: 'if (timingSafeEqual(expected, presented)) valid = true',
    mutant: 'if (expected.length === presented.length) valid = true',
    weakens: 'every MAC of the right length is right',
    tests: [seal],
  },
  {
    file: 'src/session/seal.ts',
    original: 'if (presented.length !== length) return false',
    mutant: 'if (presented.length === 0) return true',
    weakens: 'an empty MAC is right',
    tests: [seal, 'src/login/transaction.test.ts'],
  },
  {
    file: 'src/session/sessions.ts',
    original: 'if (cached !== undefined && this.isCurrent(cached)) return cached',
    mutant: 'if (cached !== undefined && this.#isLive(cached)) return cached',
    weakens: 'a session that another node closed goes on here',
    tests: [sessions, logout],
  },
  {
    file: 'src/session/sessions.ts',
    original: 'return now < session.idleExpiresAtMs && now < session.meta.expiresAtMs',
    mutant: 'return now < session.meta.expiresAtMs || now < session.idleExpiresAtMs',
    weakens: 'the idle timeout does not end a session in memory',
    tests: [sessions, 'test/flows/session.test.ts'],
  },
  {
    file: 'src/session/sessions.ts',
    original: 'return Math.min(this.#options.clock() + this.#options.idleTimeoutMs, session.meta.expiresAtMs)',
    mutant: 'return this.#options.clock() + this.#options.idleTimeoutMs',
    weakens: 'use slides a session past its lifetime in the store',
    tests: [sessions],
  },
  {
    file: 'src/session/sessions.ts',
    original: 'if (opened === undefined || this.#options.clock() >= opened.meta.expiresAtMs) return undefined',
    mutant: 'if (opened === undefined) return undefined',
    weakens: 'a record past its lifetime opens',
    tests: [sessions, 'test/flows/session.test.ts'],
  },
  {
    file: 'src/session/sessions.ts',
    original: 'const version = await store.replace(session.key, session.version, value, idleExpiresAtMs)',
    mutant: 'const version = await store.add(session.key, { value, expiresAtMs: idleExpiresAtMs, tags: [] })',
    weakens: 'a late refresh brings a closed session back',
    tests: [sessions, 'test/flows/logout-during-refresh.test.ts'],
  },
  {
    file: 'src/session/policy.ts',
    original: 'if (verified !== undefined && ownValue(claims, verified) !== true) return false',
    mutant: '',
    weakens: 'an email that nobody verified counts',
    tests: [policy],
  },
  {
    file: 'src/session/policy.ts',
    original: 'return Object.hasOwn(claims, name) ? claims[name] : undefined',
    mutant: 'return claims[name]',
    weakens: 'what every object has counts as a claim',
    tests: [policy],
  },
  {
    file: 'src/session/policy.ts',
    original: "for (const scope of scopes.split(' ')) if (!granted.includes(scope)) return `scope ${scope}`",
    mutant: "for (const scope of scopes.split(' ')) if (!grantedScope.includes(scope)) return `scope ${scope}`",
    weakens: 'a part of a scope counts as the scope',
    tests: [policy],
  },
  {
    file: 'src/session/tokens.ts',
    original: 'if (running !== undefined) {',
    mutant: "if (running !== undefined && current.key === '') {",
    weakens: 'two refreshes of one session at the same time',
    tests: [tokens, 'test/flows/refresh.test.ts'],
  },
  {
    file: 'src/session/tokens.ts',
    original: 'if (!sameSubject(session, answer)) {',
    mutant: 'if (session === undefined) {',
    weakens: "a refresh may bring another user's token",
    tests: [tokens],
  },
  {
    file: 'src/session/tokens.ts',
    original: 'if (isExpired(tokenFor(session, recipe), clock())) throw error',
    mutant: '',
    weakens: 'an expired token goes out while the provider is down',
    tests: [tokens, 'test/flows/provider-trouble.test.ts'],
  },
  {
    file: 'src/session/tokens.ts',
    original: "const closed = await sessions.close(session.key, 'refresh_rejected', session.version)",
    mutant: "const closed = await sessions.close(session.key, 'refresh_rejected')",
    weakens: 'a late refusal closes a session that another node renewed',
    tests: [tokens, 'test/flows/refresh.test.ts'],
  },
  {
    file: 'src/session/logout.ts',
    original: "await sessions.close(session.key, 'logout')",
    mutant: '',
    weakens: 'a logout only drops the cookie',
    tests: [logout],
  },
  {
    file: 'src/session/logout.ts',
    original: 'if (session.tokens.refreshToken !== undefined) await options.revoke(session.tokens.refreshToken)',
    mutant: '',
    weakens: 'the refresh token lives on after a logout',
    tests: [logout],
  },
  {
    file: 'src/session/outage.ts',
    original: "return new BffError('store_unavailable', { reason: 'the session store failed', retryAfterSeconds: 2, cause })",
    mutant: "return new BffError('session_required', { reason: 'the session store failed', retryAfterSeconds: 2, cause })",
    weakens: 'an outage of the store logs everybody out',
    tests: ['test/flows/errors.test.ts'],
  },
]
