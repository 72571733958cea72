import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installNode } from '../node-binary.mjs'

const run = promisify(execFile)

/** Every entry imported, and the engine used with its default store, by another version of Node. */
export async function checkOnNode(version, { check, work, project, manifest }) {
  await check(`Node ${version}: every entry imports, and a server answers`, async () => {
    const folder = join(work, `node-${version}`)
    mkdirSync(folder)
    const node = join(await installNode(version, folder), 'node')
    const names = Object.keys(manifest.exports).map((subpath) => manifest.name + subpath.slice(1))
    writeFileSync(join(project, 'use.mjs'), useOf(names.filter((name) => !name.endsWith('.json'))))
    const { stdout } = await run(node, ['use.mjs'], { cwd: project, timeout: 60_000 })
    if (!stdout.startsWith(`v${version}.`)) throw new Error(`that was ${stdout}`)
    return stdout.trim()
  })
}

const useOf = (names) => `
import { createServer } from 'node:http'
for (const name of ${JSON.stringify(names)}) await import(name)
const { createBff } = await import('coatcheck')
const { attach } = await import('coatcheck/node')
const bff = createBff({
  origin: 'http://localhost:8080',
  provider: { issuer: 'http://127.0.0.1:9', clientId: 'web', clientSecret: 'not-used-here' },
  session: { secrets: ['kX2mQ9vT4bN7cR1wZ8yL5pH3jF6gD0sA-used-here-only'], store: { type: 'embedded', path: './data-' + process.pid } },
  routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9/' }],
  log: { level: 'silent' },
})
const server = createServer()
attach(bff, server)
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const origin = 'http://127.0.0.1:' + server.address().port
const session = await (await fetch(origin + '/bff/session')).text()
const call = await fetch(origin + '/api/x')
const web = await bff.fetch(new Request(origin + '/api/x'))
await bff.ready()
server.close()
await bff.close()
if (session !== '{"authenticated":false}' || call.status !== 401 || web.status !== 401) throw new Error([session, call.status, web.status].join())
console.log(process.version, ${JSON.stringify(names.length)}, 'entries')
`
