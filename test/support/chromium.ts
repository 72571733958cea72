import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'

const run = promisify(execFile)
const commandNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/**
 * The path of a Chromium: `CHROMIUM_PATH`, else one on the PATH, else Debian's, installed here and now where this user
 * may install packages. Fails, never skips, where there is none: a browser test that did not run proves nothing.
 */
export async function findChromium(): Promise<string> {
  const given = process.env['CHROMIUM_PATH']
  if (given !== undefined && given !== '') {
    if (isExecutable(given)) return given
    throw new Error(`CHROMIUM_PATH is ${given}, which cannot be executed`)
  }
  const found = findOnPath()
  if (found !== undefined) return found
  const trouble = await installFromDebian()
  const installed = findOnPath()
  if (installed !== undefined) return installed
  throw new Error(
    `The browser tests need Chromium, and none was found (${commandNames.join(', ')}). Installing it: ${trouble}. ` +
      'Install it (Debian and Ubuntu: apt-get install chromium) or set CHROMIUM_PATH to a Chromium or Chrome.',
  )
}

/**
 * A headless browser that asks nothing of any host but those the test opens. The caller closes it. Playwright turns the
 * back-forward cache off, which users have: `backForwardCache` leaves it on.
 */
export async function launchBrowser({ backForwardCache = false } = {}): Promise<Browser> {
  return await chromium.launch({
    ignoreDefaultArgs: backForwardCache ? ['--disable-back-forward-cache'] : [],
    executablePath: await findChromium(),
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-quic'],
  })
}

function findOnPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return commandNames.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Gives what came of it in a few words, for the error message. */
async function installFromDebian(): Promise<string> {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    for (const step of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
      const [command = 'apt-get', ...words] = [...prefix, 'apt-get', ...step]
      await run(command, words, { env, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 })
    }
    return 'apt-get ended well, but no chromium is on the PATH'
  } catch (error) {
    return error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? 'failed') : 'failed'
  }
}
