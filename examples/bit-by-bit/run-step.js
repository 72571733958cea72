import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFile, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { answers } from '../support/processes.js'
import { startApi } from './api.js'
import { startProvider } from './provider.js'

export const steps = readdirSync(import.meta.dirname).filter((name) => /^step-\d/.test(name))

/** Builds the page of a step, and runs it with what stands around it: provider, API, and Coatcheck where it is there. */
export async function runStep(step, { port, providerPort, apiPort }) {
  const folder = join(import.meta.dirname, step)
  const origin = `http://localhost:${port}`
  const clientSecret = randomBytes(32).toString('base64url')
  const provider = await startProvider({ port: providerPort, origin, clientSecret })
  const api = await startApi({ port: apiPort, origin, issuer: provider.issuer, audience: provider.audience })
  const apiUrl = `http://127.0.0.1:${apiPort}`
  await buildPage(folder, { VITE_OIDC_AUTHORITY: provider.issuer, VITE_API_URL: apiUrl })
  const page = existsSync(join(folder, 'coatcheck.yaml'))
    ? startCoatcheck(folder, {
        ORIGIN: origin,
        PORT: `${port}`,
        ISSUER: provider.issuer,
        CLIENT_SECRET: clientSecret,
        COATCHECK_SECRET: randomBytes(32).toString('base64url'),
        API_URL: apiUrl,
      })
    : serveFiles(join(folder, 'dist'), port)
  await answers(`${origin}/`)
  return {
    origin,
    apiUrl,
    async close() {
      await page.close()
      for (const server of [api, provider.server]) {
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      }
    },
  }
}

/** As `vite build` would. */
async function buildPage(folder, env) {
  await build({
    entryPoints: [join(folder, 'src/main.tsx')],
    bundle: true,
    format: 'esm',
    jsx: 'automatic',
    outfile: join(folder, 'dist/app.js'),
    define: {
      'process.env.NODE_ENV': '"production"',
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [`import.meta.env.${name}`, JSON.stringify(value)])),
    },
    logLevel: 'warning',
  })
  copyFileSync(join(folder, 'index.html'), join(folder, 'dist/index.html'))
}

function startCoatcheck(folder, env) {
  const program = join(import.meta.dirname, 'node_modules/coatcheck/dist/cli/bin.js')
  const child = spawn(process.execPath, [program, 'serve', '-c', 'coatcheck.yaml'], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', process.env.SHOW_LOG ? 'inherit' : 'ignore', 'inherit'],
  })
  return {
    async close() {
      if (child.exitCode !== null) return
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Where the page came from before: any server of files. */
function serveFiles(folder, port) {
  const server = createServer((request, response) => {
    const isScript = request.url === '/app.js'
    readFile(join(folder, isScript ? 'app.js' : 'index.html'), (error, text) => {
      response.writeHead(error ? 500 : 200, { 'Content-Type': isScript ? 'text/javascript' : 'text/html' }).end(text ?? '')
    })
  }).listen(port, '127.0.0.1')
  return {
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
