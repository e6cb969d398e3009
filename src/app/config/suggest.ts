/**
 * What somebody meant who wrote a word that is not known: the nearest of those that are, where one is near enough.
 * Case, hyphens and underscores do not count, and a unit at the end may be missing: `timeout` is near `timeoutMs`.
 */

export function nearestOf(word: string, known: readonly string[]): string | undefined {
  const wanted = simplify(word)
  if (wanted.length > MAX_LENGTH) return undefined
  const ranked = known
    .map((candidate) => ({ candidate, distance: distanceTo(wanted, simplify(candidate)) }))
    .toSorted((left, right) => left.distance - right.distance)
  const [best] = ranked
  return best !== undefined && Math.floor(best.distance) <= Math.max(1, Math.floor(wanted.length / 3)) ? best.candidate : undefined
}

/** The same word but for its form. */
export function isSameWord(left: string, right: string): boolean {
  return simplify(left) === simplify(right)
}

const MAX_LENGTH = 64
const MIN_PREFIX = 4
const UNITS = /(?:ms|milliseconds|seconds|octets|bytes|s)$/

function simplify(word: string): string {
  return word.toLowerCase().replace(/[-_ ]/g, '')
}

/** A missing unit, or a wrong one, weighs as one letter; whatever else is missing or too much at the end, hardly more. */
function distanceTo(wanted: string, candidate: string): number {
  const exact = editDistance(wanted, candidate)
  const shorter = Math.min(wanted.length, candidate.length)
  if (exact > 1 && shorter >= MIN_PREFIX && wanted.slice(0, shorter) === candidate.slice(0, shorter)) {
    return 1 + Math.abs(wanted.length - candidate.length) / (2 * MAX_LENGTH)
  }
  const withoutUnits = editDistance(wanted.replace(UNITS, ''), candidate.replace(UNITS, ''))
  return Math.min(exact, withoutUnits + 1)
}

/** Letters added, left out, changed, or swapped with the next one. */
function editDistance(left: string, right: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const isEqual = left[row - 1] === right[column - 1]
      const isSwapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + Number(!isEqual),
          isSwapped ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
        ),
      )
    }
    beforeLast = last
    last = current
  }
  return last[right.length] ?? 0
}
