/** What the nodes of one store say to each other in notifications (at most 8000 bytes each). */
export type PostgresMessage =
  /** A node listens, trusts what it read for `trustMs` from when it sent this, and has heard these announcements. */
  | {
      readonly kind: 'beat'
      readonly node: string
      readonly number: number
      readonly trustMs: number
      readonly heard: readonly string[]
    }
  /** A node looks whether what is said where it writes arrives where it listens. */
  | { readonly kind: 'echo'; readonly node: string; readonly number: number }
  /** The records with these keys were written; without keys, any may have been. */
  | { readonly kind: 'ended'; readonly announcement: string; readonly keys: readonly string[] }
  /** A node trusts nothing any more. */
  | { readonly kind: 'bye'; readonly node: string }

/** More than this many announcements are left for the next beat. */
export const mostHeard = 200

/** Fields separated by line breaks, which no key has in it. */
export function formatMessage(message: PostgresMessage): string {
  switch (message.kind) {
    case 'beat':
      return ['beat', message.node, message.number, message.trustMs, ...message.heard].join('\n')
    case 'echo':
      return ['echo', message.node, message.number].join('\n')
    case 'ended':
      return ['ended', message.announcement, ...message.keys].join('\n')
    case 'bye':
      return `bye\n${message.node}`
  }
}

/** `undefined` for what is none of these: the channel belongs to whoever may use the database. */
export function parseMessage(text: string): PostgresMessage | undefined {
  const [kind, subject, ...rest] = text.split('\n')
  if (subject === undefined || subject === '') return undefined
  if (kind === 'ended') return { kind, announcement: subject, keys: rest }
  if (kind === 'bye') return { kind, node: subject }
  const [number, trustMs] = rest.slice(0, 2).map(Number)
  if (kind === 'echo' && isCount(number)) return { kind, node: subject, number }
  if (kind !== 'beat' || !isCount(number) || !isCount(trustMs)) return undefined
  return { kind, node: subject, number, trustMs, heard: rest.slice(2) }
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isSafeInteger(value) && value >= 0
}
