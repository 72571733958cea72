import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { configFolder, runCommand } from '../cli/command-line.ts'
import { startFurtherGateway } from '../support/further-gateway.ts'
import { serverSecret, simulateInternet, type Internet } from '../support/internet.ts'

interface ConfigParts {
  readonly origin?: string
  readonly issuer?: string
  readonly clientId?: string
  readonly secrets?: readonly string[]
  readonly store?: string
}

/** An app with two nodes on one embedded store, and the config file an operator has of it. */
async function app() {
  const folder = configFolder()
  onTestFinished(() => folder.remove())
  const internet = await simulateInternet({ nodes: 2, store: createEmbeddedStore({ path: join(folder.path, 'data') }) })
  const file = (parts: ConfigParts = {}, name = 'coatcheck.yaml') => folder.write(configOf(internet, parts), name)
  const config = file()
  const sessions = (...args: readonly string[]) => runCommand(['sessions', ...args])
  const list = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await sessions('list', '-c', config, '--json', ...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return JSON.parse(stdout) as { sessions: Record<string, string>[]; unreadable: string[] }
  }
  const login = async (name: string, node = 0) => {
    internet.provider.loginAs(name)
    const browser = internet.browser({ node })
    await browser.login(internet.app)
    return browser
  }
  return { internet, folder, file, config, sessions, list, login }
}

function configOf({ app: { url }, provider }: Internet, parts: ConfigParts): string {
  return JSON.stringify({
    origin: parts.origin ?? url,
    provider: {
      issuer: parts.issuer ?? provider.issuer,
      clientId: parts.clientId ?? provider.client.id,
      clientSecret: provider.client.secret,
    },
    session: {
      secrets: parts.secrets ?? [serverSecret],
      store: parts.store === 'memory' ? { type: 'memory' } : { type: 'embedded', path: parts.store ?? 'data' },
    },
    routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9' }],
  })
}

const auditOf = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('sessions list', () => {
  test('prints a table of who is logged in, and nothing that opens anything', async () => {
    const { internet, sessions, config, login } = await app()
    const ada = await login('ada')
    await login('grace', 1)
    const { code, stdout, stderr } = await sessions('list', '-c', config)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [head, ...rows] = stdout.split('\n')
    expect(head).toMatch(/^ID +USER +CREATED +LAST SEEN +EXPIRES +DEVICE$/)
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
    const row = new RegExp(`^[\\w-]{22}  user-(ada|grace) +${time}  ${time}  ${time}  \\S.*$`)
    expect(rows.slice(0, 2).map((line) => row.exec(line)?.[1])).toEqual(expect.arrayContaining(['ada', 'grace']))
    expect(stdout).toContain('\n2 sessions.\n')
    expect(stdout).not.toContain(ada.jar.get(internet.app.sessionCookie)?.value)
    for (const [token] of internet.provider.issued) expect(stdout).not.toContain(token)
  })

  test('finds by user, session of the provider, id and age', async () => {
    const { list, login, internet } = await app()
    await login('ada')
    await login('grace')
    const { sessions: all } = await list()
    const ada = all.find(({ user }) => user === 'user-ada')
    expect(all).toHaveLength(2)
    expect(ada).toMatchObject({ issuer: internet.provider.issuer })
    expect(Date.parse(ada?.['expiresAt'] ?? '') - Date.parse(ada?.['createdAt'] ?? '')).toBe(28_800_000)
    expect((await list('--user', 'user-ada')).sessions).toEqual([ada])
    expect((await list('--sid', ada?.['sid'] ?? '')).sessions).toEqual([ada])
    expect((await list('--id', ada?.['id'] ?? '')).sessions).toEqual([ada])
    expect((await list('--id', '-begins-with-a-hyphen')).sessions).toEqual([])
    expect((await list('--older-than', '0s')).sessions).toHaveLength(2)
    expect((await list('--older-than', '1h')).sessions).toEqual([])
    expect((await list('--user', 'nobody')).sessions).toEqual([])
  })

  test('names what the present secrets do not open', async () => {
    const { file, login, sessions } = await app()
    await login('ada')
    const other = file({ secrets: [randomBytes(32).toString('base64url')] }, 'other.yaml')
    const { code, stdout } = await sessions('list', '-c', other)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^No session\.\n1 session cannot be read with the present session\.secrets: [\w-]{22}\n$/)
  })
})

describe('sessions revoke', () => {
  test('ends the sessions of a user at once on every node, open streams too, and no others', async () => {
    const { internet, config, sessions, login, list } = await app()
    const ada = [await login('ada', 0), await login('ada', 1)] as const
    const grace = await login('grace', 1)
    for (const browser of [...ada, grace]) expect((await browser.fetch('/api/a')).status).toBe(200)
    const events = await ada[1].tab.stream('/bff/events')
    await events.until('retry:')
    const webSocket = await ada[0].tab.webSocket('/api/chat')
    const closed = new Promise((resolve) => webSocket.once('close', resolve))
    const wanted = (await list('--user', 'user-ada')).sessions.map(({ id }) => id).toSorted()
    internet.upstream.requests.length = 0

    const { code, stdout, stderr } = await sessions('revoke', '-c', config, '--user', 'user-ada')
    const answers = await Promise.all(ada.map((browser) => browser.fetch('/api/a')))
    expect(answers.map(({ status }) => status)).toEqual([401, 401])
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'Ended 2 sessions.\n' })
    const lines = auditOf(stdout)
    expect(new Set(lines.map(({ session }) => session))).toEqual(new Set(wanted))
    for (const line of lines) {
      const about = { subject: 'user-ada', issuer: internet.provider.issuer, reason: 'ended_by_operator' }
      expect(line).toMatchObject({ level: 30, audit: true, event: 'session_ended', ...about })
    }
    expect(await events.until('session-ended')).toContain('closed_elsewhere')
    await events.ended
    await closed
    expect(internet.upstream.requests).toEqual([])
    for (const browser of ada) expect(await browser.session()).toEqual({ authenticated: false })
    expect((await grace.fetch('/api/a')).status).toBe(200)
    const again = await sessions('revoke', '-c', config, '--user', 'user-ada')
    expect(again).toEqual({ code: 0, stdout: '', stderr: 'No session was ended: none is meant.\n' })
  })

  test('ends one by id, and those of one session of the provider', async () => {
    const { config, sessions, login, list } = await app()
    const [ada, grace] = [await login('ada'), await login('grace')]
    const of = async (user: string) => (await list('--user', user)).sessions[0] ?? {}
    expect((await sessions('revoke', '-c', config, '--id', (await of('user-ada'))['id'] ?? '')).stderr).toBe('Ended 1 session.\n')
    expect((await ada.fetch('/api/a')).status).toBe(401)
    expect((await grace.fetch('/api/a')).status).toBe(200)
    expect((await sessions('revoke', '-c', config, '--sid', (await of('user-grace'))['sid'] ?? '')).stderr).toBe(
      'Ended 1 session.\n',
    )
    expect((await grace.fetch('/api/a')).status).toBe(401)
  })

  test.each([[['--all']], [['--older-than', '0s']]])('%j tells how many there are, and waits for --yes', async (args) => {
    const { config, sessions, login, list } = await app()
    const browsers = [await login('ada'), await login('grace')]
    const asked = await sessions('revoke', '-c', config, ...args)
    expect(asked).toEqual({
      code: 2,
      stdout: '',
      stderr: 'This would end 2 sessions. Nothing was done; say --yes to end them.\n',
    })
    expect((await list()).sessions).toHaveLength(2)
    const done = await sessions('revoke', '-c', config, ...args, '--yes')
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: 'Ended 2 sessions.\n' })
    for (const browser of browsers) expect((await browser.fetch('/api/a')).status).toBe(401)
  })

  test.each([
    [[], 'exactly one of'],
    [['--user', 'a', '--all'], 'exactly one of'],
    [['--user', 'a', '--older-than', '2h'], 'exactly one of'],
    [['--yes'], 'exactly one of'],
    [['--user', ''], 'It is empty'],
    [['--older-than', 'soon'], 'as in 90s, 30m, 2h or 7d'],
  ])('refuses %j before it touches anything', async (args, words) => {
    const { config, sessions, login, list } = await app()
    await login('ada')
    const { code, stdout, stderr } = await sessions('revoke', '-c', config, ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(words)
    expect((await list()).sessions).toHaveLength(1)
  })
})

test('a store that cannot be asked is told as such, and never as empty', async () => {
  const { file, sessions, folder, internet } = await app()
  const memory = await sessions('list', '-c', file({ store: 'memory' }))
  expect(memory.code).toBe(2)
  expect(memory.stderr).toContain('session.store: keeps sessions in the memory of the gateway')
  const elsewhere = await sessions('list', '-c', file({ store: 'no-such-folder' }))
  expect(elsewhere.code).toBe(2)
  expect(elsewhere.stderr).toContain('no gateway keeps sessions there')
  folder.write('not a folder', 'a-file')
  const broken = await sessions('revoke', '-c', file({ store: 'a-file' }), '--all', '--yes')
  expect(broken.code).toBe(1)
  expect(broken.stderr).toContain('is in trouble')
  expect(internet.nodes).toHaveLength(2)
})

describe('sessions migrate', () => {
  test('users stay logged in when the app moves to another store', async () => {
    const { internet, file, config, folder, sessions, login } = await app()
    const [ada, grace, closed] = [await login('ada'), await login('grace'), await login('ada')]
    const target = file({ store: 'moved' }, 'moved.yaml')
    const first = await sessions('migrate', '--from', config, '--to', target)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toContain('3 sessions copied')
    expect((await closed.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
    internet.clock.advance(301_000)
    expect((await ada.fetch('/api/a')).status).toBe(200)

    const second = await sessions('migrate', '--from', config, '--to', target)
    expect(second.code).toBe(0)
    expect(second.stdout).toMatch(/1 session of an earlier run closed/)
    expect(second.stdout).toContain('The new store has 2 sessions.')
    await startFurtherGateway(internet, { store: createEmbeddedStore({ path: join(folder.path, 'moved') }) })
    for (const [browser, status] of [
      [ada, 200],
      [grace, 200],
      [closed, 401],
    ] as const) {
      expect((await browser.fetch('/api/b')).status).toBe(status)
    }
    expect(internet.provider.reuseDetected).toBe(0)
    const token = String((await grace.session())['csrfToken'])
    const out = await sessions('revoke', '-c', target, '--user', 'user-grace')
    expect(out.stderr).toBe('Ended 1 session.\n')
    expect((await grace.fetch('/api/c', { method: 'POST', headers: { 'X-CSRF-Token': token } })).status).toBe(401)
  })

  test('refuses two configs between which a session cannot move', async () => {
    const { internet, file, config, folder, sessions } = await app()
    const parts = {
      origin: 'https://other.test',
      issuer: 'https://id.other.test',
      clientId: 'other',
      secrets: [randomBytes(32).toString('base64url')],
      store: 'moved',
    }
    const different = await sessions('migrate', '--from', config, '--to', file(parts, 'other.yaml'))
    expect({ code: different.code, stdout: different.stdout }).toEqual({ code: 2, stdout: '' })
    for (const path of ['origin', 'provider.issuer', 'provider.clientId', 'session.secrets'])
      expect(different.stderr).toContain(`${path}: differs between --from and --to`)
    expect(different.stderr).not.toContain(serverSecret)
    const same = await sessions('migrate', '--from', config, '--to', file({}, 'same.yaml'))
    expect(same.code).toBe(2)
    expect(same.stderr).toContain('session.store: is the same in --from and --to')
    const memory = await sessions('migrate', '--from', config, '--to', file({ store: 'memory' }, 'memory.yaml'))
    expect(memory.code).toBe(2)
    expect((await sessions('migrate', '--from', config)).code).toBe(2)
    rmSync(join(folder.path, 'moved'), { recursive: true, force: true })
    expect(internet.nodes).toHaveLength(2)
  })
})
