import { describe, expect, it } from 'vitest'
import { nameFromLabels } from '../../src/core/domain-name.ts'
import {
  escapeFor,
  escapeForHtml,
  escapeForLog,
  escapeForSmtp,
  escapeForTerminal,
  escapeJson,
  quoteForHeader,
  type Surface,
} from '../../src/render/escape.ts'
import { HOSTILE_TEXT } from './reports.ts'

const HOSTILE_TEXTS: Readonly<Record<string, string>> = {
  CR: 'a\rb',
  LF: 'a\nb',
  'a header line': 'a\r\nX-Evil: 1\r\n\r\nbody',
  'an SMTP command': 'a\r\nMAIL FROM:<x@example.com>\r\n',
  NUL: 'a\u0000b',
  'an escape sequence': '\u001b[31mred\u001b[0m',
  'an escape sequence in one C1 character': '\u009b31mred',
  'a window title': '\u001b]0;title\u0007',
  BEL: 'a\u0007b',
  backspaces: 'evil\b\b\b\bgood',
  DEL: 'a\u007fb',
  TAB: 'a\tb',
  'double quotes': 'a"b',
  'single quotes': "a'b",
  backticks: 'a`b',
  parentheses: 'a)(b',
  'a backslash at the end': 'a\\',
  'a backslash before a quote': 'a\\"b',
  'a bidirectional override': 'a\u202egnp.exe',
  'bidirectional isolates': '\u2066a\u2069',
  'zero width': 'a\u200b\u200d\ufeffb',
  'a line separator': 'a\u2028b\u2029c',
  NEL: 'a\u0085b',
  'a lone surrogate': 'a\ud800b\udc00',
  'a pair of surrogates': '\u{1f600}',
  '8-bit octets': '\u00ff\u00fc\u0080',
  'a letter that looks like another': '\u0430pple.example',
  'a tag': '<script>alert(1)</script>',
  'an attribute': '" onmouseover="x',
  'an entity': '&lt;',
  '255 octets': 'a'.repeat(255),
  '255 octets of 8-bit as a name': nameFromLabels(['\u00ff'.repeat(63), '\u00ff'.repeat(63), '\u00ff'.repeat(63), '\u00ff'.repeat(61)]),
  'a hostile label in normal form': nameFromLabels(['a\r\n\u0000\u001b[31m"(<b>)\\;', 'example', 'com']),
  everything: HOSTILE_TEXT,
}

/** What may be left on each surface, as a whole. */
const SAFE: Readonly<Record<Surface, RegExp>> = {
  terminal: /^[\x20-\x7e]*$/,
  smtp: /^[\x20-\x7e]*$/,
  // No quote that is not escaped, and no backslash that could escape what comes after.
  log: /^(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*$/,
  comment: /^(?:[\x20-\x27\x2a-\x5b\x5d-\x7e]|\\[()\\])*$/,
  html: /^(?:[\x20\x21\x23-\x25\x28-\x3b=\x3f-\x5f\x61-\x7e]|&(?:amp|lt|gt|quot|#39|#96);)*$/,
}

const SURFACES = Object.keys(SAFE) as Surface[]

describe.each(SURFACES)('on the surface %s', (surface) => {
  it.each(Object.entries(HOSTILE_TEXTS))('%s leaves nothing that acts', (_, text) => {
    expect(escapeFor(surface, text)).toMatch(SAFE[surface])
  })

  it('a plain name is itself', () => {
    expect(escapeFor(surface, 'mail-3.example.com')).toBe('mail-3.example.com')
  })
})

describe('escapes', () => {
  it.each([
    ['\r\n', '\\u{0d}\\u{0a}'],
    ['\u001b[31m', '\\u{1b}[31m'],
    ['\u202e', '\\u{202e}'],
    ['\u{1f600}', '\\u{1f600}'],
    ['\ud800', '\\u{d800}'],
    ['\u00fc', '\\u{fc}'],
  ])('%j is shown as %s', (text, shown) => {
    expect(escapeForTerminal(text)).toBe(shown)
    expect(escapeForSmtp(text)).toBe(shown)
  })

  it('HTML keeps its markup characters as text', () => {
    expect(escapeForHtml(`<a href="x" title='&'>\`\n`)).toBe('&lt;a href=&quot;x&quot; title=&#39;&amp;&#39;&gt;&#96;\\u{0a}')
  })

  it('a log value stays within its quotes', () => {
    expect(escapeForLog('a" level="x\\')).toBe('a\\" level=\\"x\\\\')
  })

  it.each(Object.entries(HOSTILE_TEXTS))('a quoted header value of %s is one quoted string', (_, text) => {
    expect(quoteForHeader(text)).toMatch(/^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/)
  })

  it.each(Object.entries(HOSTILE_TEXTS))('JSON of %s is printable and loses nothing', (_, text) => {
    const json = escapeJson(JSON.stringify({ text }, null, 2))
    expect(json).toMatch(/^[\n\x20-\x7e]*$/)
    expect(JSON.parse(json)).toEqual({ text })
  })
})
