/** The known name that a mistaken one was probably meant to be, or `undefined` where none is near. */
export function nearestName(mistaken: string, known: readonly string[]): string | undefined {
  const plain = simplify(mistaken)
  if (plain === '' || plain.length > 64) return undefined
  let best: string | undefined
  let bestDistance = Math.min(3, Math.floor(plain.length / 3)) + 1
  for (const name of known) {
    const simple = simplify(name)
    const isBeginning = plain.length >= 4 && (simple.startsWith(plain) || plain.startsWith(simple))
    const distance = Math.min(editDistance(plain, simple), isBeginning ? 1 : Infinity)
    if (distance < bestDistance) [best, bestDistance] = [name, distance]
  }
  return best
}

/** client_id, client-id and ClientID are all clientId. */
function simplify(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\d]/gu, '')
}

/** How many letters have to be added, taken out, changed or swapped with their neighbour (Damerau and Levenshtein). */
function editDistance(one: string, other: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const same = one[row - 1] === other[column - 1]
      let distance = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      if (swapped) distance = Math.min(distance, (beforePrevious[column - 2] ?? 0) + 1)
      current.push(distance)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[other.length] ?? 0
}
