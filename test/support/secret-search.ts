/** A place in which nothing secret may stand. */
export interface Searched {
  /** What it is, for the message. */
  readonly where: string
  readonly text: string
}

/** A secret value that was found. */
export interface Finding {
  readonly kind: string
  readonly where: string
  readonly form: string
  readonly around: string
}

/**
 * Looks for secret values as they are, percent-encoded, in hex, and inside anything base64-encoded. A JWT is also looked
 * for by its signature, so that a token without its head is found too.
 */
export function findSecrets(secrets: ReadonlyMap<string, string>, places: readonly Searched[]): Finding[] {
  const findings: Finding[] = []
  for (const [value, kind] of secrets) {
    const forms = formsOf(value)
    for (const { where, text } of places) {
      for (const [form, needle] of forms) {
        const at = text.indexOf(needle)
        if (at >= 0) findings.push({ kind, where, form, around: text.slice(Math.max(0, at - 60), at + 20) })
      }
    }
  }
  return findings
}

function formsOf(value: string): Map<string, string> {
  const forms = new Map([['as it is', value]])
  const parts = value.split('.')
  const [, payload = '', signature = ''] = parts
  if (parts.length === 3 && signature.length > 20) forms.set('signature of the JWT', signature)
  if (parts.length === 3 && payload.length > 20) forms.set('payload of the JWT', payload)
  const encoded = encodeURIComponent(value)
  if (encoded !== value) forms.set('percent-encoded', encoded)
  forms.set('hex', Buffer.from(value).toString('hex'))
  // Inside a longer text the value may begin at any of three places within a base64 quantum; the edges depend on the
  // neighbours and are cut off.
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)])
    const whole = bytes.subarray(0, bytes.length - (bytes.length % 3))
    const inner = whole.toString('base64').slice(shift === 0 ? 0 : 4)
    if (inner.length < 12) continue
    forms.set(`base64 (${shift})`, inner)
    forms.set(`base64url (${shift})`, inner.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return forms
}
