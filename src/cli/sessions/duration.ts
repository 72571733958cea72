const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of a length of time such as `90s`, `30m`, `2h` or `7d`; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const factor = secondsIn[unit]
  return factor === undefined ? undefined : Number(count) * factor
}
