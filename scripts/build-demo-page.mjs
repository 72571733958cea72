// The demo's page as one module: it uses the browser client as it is built now.
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const spa = fileURLToPath(new URL('../demo/spa', import.meta.url))

buildSync({
  entryPoints: [`${spa}/src/app.ts`],
  outfile: `${spa}/public/dist/app.js`,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
})
