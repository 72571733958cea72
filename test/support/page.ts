import type { BrowserExchange } from './exchange.ts'
import { values } from './exchange.ts'
import type { Initiator } from './site.ts'

/** The document in a tab, as far as its requests depend on it. */
export interface Page {
  readonly url: URL
  readonly text: string
  readonly referrerPolicy: string
  /** Under `Content-Security-Policy: sandbox` without allow-same-origin a page has an opaque origin. */
  readonly initiator: Initiator
  /** Whether scripts run: not under a sandbox without allow-scripts. */
  readonly scripted: boolean
}

/** A form of a page, with the values it would send. */
export interface Form {
  readonly action: URL
  readonly method: 'GET' | 'POST'
  readonly fields: URLSearchParams
  /** Whether the page sends it by itself when it is loaded. */
  readonly submitsItself: boolean
}

export function pageOf(answer: BrowserExchange): Page {
  const sandbox = values(answer.headers, 'content-security-policy')
    .flatMap((policy) => policy.split(/[;,]/))
    .map((directive) => directive.trim().split(/\s+/))
    .find(([name]) => name?.toLowerCase() === 'sandbox')
  const opaque = sandbox !== undefined && !sandbox.includes('allow-same-origin')
  return {
    url: answer.url,
    text: answer.body.toString(),
    referrerPolicy: values(answer.headers, 'referrer-policy').at(-1) ?? 'strict-origin-when-cross-origin',
    initiator: opaque ? 'opaque' : { origin: answer.url.origin },
    scripted: sandbox === undefined || sandbox.includes('allow-scripts'),
  }
}

/**
 * Where the document's Refresh field leads (HTML, "shared declarative refresh steps"). The field works in a sandbox too;
 * a meta element would not.
 */
export function refreshTarget(answer: BrowserExchange): URL | undefined {
  const [field] = values(answer.headers, 'refresh')
  const match = /^\s*\d+(?:\.\d*)?\s*(?:[;,]\s*(?:url\s*=\s*)?(.*))?$/i.exec(field ?? '')
  if (field === undefined || match === null) return undefined
  const target = (match[1] ?? '').trim().replace(/^(['"])(.*?)\1.*$/, '$2')
  return new URL(target, answer.url)
}

/** The first form of a page. */
export function readForm(page: Page): Form | undefined {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/i.exec(page.text)
  if (form === null) return undefined
  const attributes = form[1] ?? ''
  const fields = new URLSearchParams()
  for (const [input] of (form[2] ?? '').matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, 'name')
    if (name !== undefined) fields.append(name, attribute(input, 'value') ?? '')
  }
  return {
    action: new URL(attribute(attributes, 'action') ?? '', page.url),
    method: (attribute(attributes, 'method') ?? 'get').toLowerCase() === 'post' ? 'POST' : 'GET',
    fields,
    submitsItself: page.scripted && /onload="document\.forms\[0\]\.submit\(\)"/.test(page.text),
  }
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`, 'i').exec(tag)?.[1]
  return value?.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}
