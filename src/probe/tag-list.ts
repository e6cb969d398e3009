/**
 * The tag lists of DKIM keys (RFC 6376 §3.2), DMARC (RFC 9989 §4.7), MTA-STS (RFC 8461 §3.1) and TLS-RPT (RFC 8460 §3) records:
 * `name=value` pairs between semicolons. Every fault with its place; what the tags mean is their readers' business.
 */

export interface Tag {
  readonly name: string
  /** Without the white space around it. */
  readonly value: string
  /** Characters from the start of the record, from 1: of the name and of the value. */
  readonly position: number
  readonly valuePosition: number
}

export type TagProblem =
  /** No equals sign. */
  | 'noValue'
  | 'badTagName'
  /** Nothing between two semicolons. */
  | 'emptyTag'
  | 'duplicateTag'
  /** An octet that is not printable ASCII. */
  | 'badCharacter'
  /** The value is none of those allowed. */
  | 'badValue'
  /** The version is not the first tag. */
  | 'misplacedVersion'
  /** A tag that must be there is not; the position is the end of the record. */
  | 'missingTag'

/** `tag` is the peer's text and may be anything. */
export interface TagFault {
  readonly position: number
  readonly problem: TagProblem
  readonly tag: string
}

export interface TagList {
  readonly tags: readonly Tag[]
  readonly faults: readonly TagFault[]
}

/** A TXT record can hold 64 KiB, and with it thousands of faults: the first few tell it all. */
const MAX_FAULTS = 20
const TAG_NAME = /^[a-z][a-z0-9_.-]*$/i
const WHITE_SPACE = /[ \t\r\n]/
const MAX_NAME_SHOWN = 64

export function parseTagList(text: string): TagList {
  const tags: Tag[] = []
  const faults: TagFault[] = []
  const fail = (position: number, problem: TagProblem, tag: string): void => {
    if (faults.length < MAX_FAULTS) faults.push({ position, problem, tag: tag.slice(0, MAX_NAME_SHOWN) })
  }
  const seen = new Set<string>()
  const end = text.length
  for (let start = 0; start <= end;) {
    const semicolon = text.indexOf(';', start)
    const stop = semicolon < 0 ? end : semicolon
    const piece = trimmedSpan(text, start, stop)
    if (piece.from === piece.to) {
      // One semicolon may end the record.
      if (stop < end) fail(start + 1, 'emptyTag', '')
    } else {
      const tag = readTag(text, piece.from, piece.to)
      if (tag === undefined) fail(piece.from + 1, 'noValue', text.slice(piece.from, piece.to))
      else if (!TAG_NAME.test(tag.name)) fail(tag.position, 'badTagName', tag.name)
      else if (seen.has(tag.name.toLowerCase())) fail(tag.position, 'duplicateTag', tag.name)
      else {
        seen.add(tag.name.toLowerCase())
        const bad = /[^\x20-\x7e\t\r\n]/.exec(tag.value)
        if (bad) fail(tag.valuePosition + bad.index, 'badCharacter', tag.name)
        tags.push(tag)
      }
    }
    start = stop + 1
  }
  return { tags, faults }
}

/** Tag names are compared without case: receivers do, and RFC 9989's grammar says so. */
export function findTag(tags: readonly Tag[], name: string): Tag | undefined {
  return tags.find((tag) => tag.name.toLowerCase() === name)
}

function readTag(text: string, from: number, to: number): Tag | undefined {
  const equals = text.indexOf('=', from)
  if (equals < 0 || equals >= to) return undefined
  const name = trimmedSpan(text, from, equals)
  const value = trimmedSpan(text, equals + 1, to)
  return {
    name: text.slice(name.from, name.to),
    value: text.slice(value.from, value.to),
    position: name.from + 1,
    valuePosition: value.from + 1,
  }
}

function trimmedSpan(text: string, start: number, stop: number): { from: number; to: number } {
  let from = start
  let to = stop
  while (from < to && WHITE_SPACE.test(text.charAt(from))) from++
  while (to > from && WHITE_SPACE.test(text.charAt(to - 1))) to--
  return { from, to }
}
