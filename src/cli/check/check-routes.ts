import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../config/schema.ts'
import { ask } from './ask.ts'
import { wordFailure } from './failure-words.ts'
import { collectFindings } from './finding.ts'
import type { Finding } from './finding.ts'

/** Knocks at every upstream. Whatever it answers in HTTP, it is there; what it answers is the routes' business. */
export async function checkUpstream(url: URL, path: string, signal: AbortSignal): Promise<Finding[]> {
  const { findings, report } = collectFindings('upstream', path)
  const answer = await ask({ url, method: 'HEAD', signal })
  if ('failure' in answer) {
    const { message, remedy } = wordFailure(answer.failure, url)
    report('problem', message, remedy)
  } else {
    report('ok', `${url.host} answers`)
  }
  return findings
}

/** Looks whether a folder that is to be served is there. */
export async function checkStatic(folder: string, path: string): Promise<Finding[]> {
  const { findings, report } = collectFindings('static', path)
  const found = await kindOf(folder)
  if (found !== 'folder') {
    report(
      'problem',
      `${folder} ${found === 'missing' ? 'does not exist' : found === 'file' ? 'is a file' : 'cannot be read'}`,
      'build the app first, or correct the path; it starts from the folder of the config file',
    )
  } else if ((await kindOf(join(folder, 'index.html'))) !== 'file') {
    report('problem', `${folder} has no readable index.html`, 'build the app first, or name the folder that its build writes to')
  } else {
    report('ok', `${folder} has an index.html`)
  }
  return findings
}

async function kindOf(path: string): Promise<'folder' | 'file' | 'missing' | 'unreadable'> {
  try {
    const found = await stat(path)
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'unreadable'
  } catch (error) {
    return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      ? 'missing'
      : 'unreadable'
  }
}

/** All routes of a config; an upstream that several routes share is asked once. */
export function checkRoutes({ routes }: Config, signal: AbortSignal): Promise<Finding[]>[] {
  const origins = new Set<string>()
  return routes.flatMap(({ upstream, static: folder }, index) => {
    if (folder !== undefined) return [checkStatic(folder, `routes[${index}].static`)]
    if (upstream === undefined || origins.has(upstream.origin)) return []
    origins.add(upstream.origin)
    return [checkUpstream(upstream, `routes[${index}].upstream`, signal)]
  })
}
