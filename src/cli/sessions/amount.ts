/** A count with its noun, as in "1 session" and "2 sessions". */
export function sessionsOf(count: number): string {
  return `${count} session${count === 1 ? '' : 's'}`
}
