export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** What has to be done to the lines of one text to get another: the longest common subsequence stays. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  const width = fresh.length + 1
  // lengths[i * width + j]: of the longest common subsequence of what follows line i of one and line j of the other.
  const lengths = new Uint32Array((old.length + 1) * width)
  const at = (i: number, j: number) => lengths[i * width + j] ?? 0
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = fresh.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] = old[i] === fresh[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: DiffLine[] = []
  for (let i = 0, j = 0; i < old.length || j < fresh.length;) {
    const [mine, other] = [old[i], fresh[j]]
    if (mine !== undefined && mine === other) {
      lines.push({ kind: 'same', text: mine })
      i += 1
      j += 1
    } else if (mine !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: 'removed', text: mine })
      i += 1
    } else {
      lines.push({ kind: 'added', text: other ?? '' })
      j += 1
    }
  }
  return lines
}

/** How many lines of code are in it, by kind; empty lines do not count. */
export function countLines(lines: readonly DiffLine[], kind: DiffLine['kind']): number {
  return lines.filter((line) => line.kind === kind && line.text.trim() !== '').length
}
