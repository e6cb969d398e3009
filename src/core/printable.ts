/**
 * Text from strangers as printable ASCII: the one escape on which every surface builds (see render/escape.ts).
 * `\u{202e}` stands for everything else: controls, line ends, 8-bit, bidirectional marks, lone surrogates.
 */

export function escapeUnprintable(text: string): string {
  return isPrintable(text) ? text : text.replace(UNPRINTABLE, escapeCodePoint)
}

export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text)
}

const PRINTABLE = /^[\x20-\x7e]*$/
const UNPRINTABLE = /[^\x20-\x7e]/gu

function escapeCodePoint(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}}`
}
