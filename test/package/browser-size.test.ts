import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Bytes of a module as a page loads it: bundled, minified, gzip. React itself is the page's own. */
async function sizeOf(contents: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['react'],
    write: false,
  })
  const [file] = outputFiles
  return gzipSync(file?.contents ?? '', { level: 9 }).length
}

const browser = "export { createBffClient } from 'coatcheck/browser'"

test('the browser client is at most 2,048 bytes, and React at most 600 more', async () => {
  const alone = await sizeOf(browser)
  const both = await sizeOf(`${browser}\nexport * from 'coatcheck/react'`)
  expect(alone).toBeGreaterThan(500)
  expect(alone).toBeLessThanOrEqual(2048)
  expect(both).toBeGreaterThan(alone)
  expect(both - alone).toBeLessThanOrEqual(600)
})

/** With the browser client in it, for apps that load nothing else of Coatcheck. */
test.each([
  ['oidc-client-ts', 6000],
  ['react-oidc-context', 7000],
  ['keycloak-js', 6000],
  ['auth0-react', 6000],
])('the stand-in for %s is at most %i bytes', async (name, limit) => {
  const size = await sizeOf(`export * from 'coatcheck/compat/${name}'\nexport * as all from 'coatcheck/compat/${name}'`)
  expect(size).toBeGreaterThan(1000)
  expect(size).toBeLessThanOrEqual(limit)
})
