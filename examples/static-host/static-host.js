import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'

/**
 * Stands for a CDN or a bucket that serves a built page at an address of its own: files, and index.html for the paths of
 * the page's router. The Content-Security-Policy has to be set there, where the page comes from.
 *
 *   node static-host.js PORT FOLDER
 */
const [port, folder] = process.argv.slice(2)
const types = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' }
const policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://host')
  const name = /^\/[\w-]+\.\w+$/.test(pathname) ? pathname : '/index.html'
  try {
    const file = await readFile(folder + name)
    const headers = { 'Content-Type': `${types[extname(name)]}; charset=utf-8`, 'Cache-Control': 'max-age=60' }
    response.writeHead(200, { ...headers, 'Content-Security-Policy': policy, 'X-Cookies-Seen': request.headers.cookie ?? 'none' })
    response.end(file)
  } catch {
    response.writeHead(404).end()
  }
}).listen(Number(port), '127.0.0.1')
