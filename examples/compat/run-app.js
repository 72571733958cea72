import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readFile } from 'node:fs'
import { createServer, request as requestTo } from 'node:http'
import { join } from 'node:path'
import { answers } from '../support/processes.js'
import { startApi } from './api.js'
import { apps, forms, sourceOf } from './apps.js'
import { startProvider } from './provider.js'

/** Runs both forms of an app side by side, with one provider and one API. */
export async function runApp(name, { originalPort, movedPort, providerPort, apiPort }) {
  const [original, moved] = [originalPort, movedPort].map((port) => `http://localhost:${port}`)
  const clientSecret = randomBytes(32).toString('base64url')
  const provider = await startProvider({ ...apps[name], port: providerPort, original, moved, clientSecret })
  const api = await startApi({ port: apiPort, ...provider })
  const [originalPage, movedPage] = await Promise.all(forms.map((form) => buildPage(name, form, provider.issuer)))
  const files = serveFiles(originalPage, originalPort, apiPort)
  const gateway = startCoatcheck({
    ORIGIN: moved,
    PORT: `${movedPort}`,
    ISSUER: provider.issuer,
    CLIENT_SECRET: clientSecret,
    COATCHECK_SECRET: randomBytes(32).toString('base64url'),
    API_URL: `http://127.0.0.1:${apiPort}`,
    PAGE: movedPage,
  })
  await Promise.all([answers(`${original}/`), answers(`${moved}/`)])
  return {
    original,
    moved,
    async close() {
      if (gateway.exitCode === null) {
        const ended = once(gateway, 'close')
        gateway.kill('SIGTERM')
        await ended
      }
      for (const server of [files, api, provider.server]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

/** As `vite build` would. Gives the folder. */
async function buildPage(name, form, issuer) {
  const folder = join(import.meta.dirname, 'dist', name, form)
  const sourceFolder = join(import.meta.dirname, name)
  await build({
    stdin: { contents: sourceOf(name, form), resolveDir: sourceFolder, sourcefile: apps[name].file, loader: 'jsx' },
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    sourcemap: true,
    outfile: join(folder, 'app.js'),
    define: {
      'process.env.NODE_ENV': '"production"',
      'import.meta.env.VITE_ISSUER': JSON.stringify(issuer.replace(/\/$/, '')),
      'import.meta.env.VITE_KEYCLOAK_URL': JSON.stringify(new URL(issuer).origin),
    },
    logLevel: 'warning',
  })
  copyFileSync(join(import.meta.dirname, 'index.html'), join(folder, 'index.html'))
  return folder
}

function startCoatcheck(env) {
  const program = join(import.meta.dirname, '../../dist/cli/bin.js')
  return spawn(process.execPath, [program, 'serve', '-c', 'coatcheck.yaml'], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
    stdio: ['ignore', process.env.SHOW_LOG ? 'inherit' : 'ignore', 'inherit'],
  })
}

/** Where the original comes from: any server of files, with the API behind `/api/`, which it does not look into. */
function serveFiles(folder, port, apiPort) {
  return createServer((request, response) => {
    if (request.url.startsWith('/api/')) {
      const { url, method, headers } = request
      const call = requestTo({ host: '127.0.0.1', port: apiPort, path: url, method, headers }, (answer) =>
        answer.pipe(response.writeHead(answer.statusCode, answer.headers)),
      )
      call.once('error', () => response.writeHead(502).end())
      request.pipe(call)
      return
    }
    const isScript = request.url === '/app.js'
    readFile(join(folder, isScript ? 'app.js' : 'index.html'), (error, text) => {
      response.writeHead(error ? 500 : 200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' }).end(text ?? '')
    })
  }).listen(port, '127.0.0.1')
}
