import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  canonicalName,
  childName,
  compareNames,
  escapeLabel,
  isHostName,
  isWithin,
  labelsOf,
  name,
  nameFromLabels,
  parentName,
  parseName,
  parseNameStrictly,
  ROOT,
  sameName,
} from '../../src/core/domain-name.ts'
import { anyLabels } from '../support/arbitrary.ts'

const longLabel = 'x'.repeat(63)
/** 63+1 three times, 61+1 and the root octet: 255 octets. */
const longestName = [longLabel, longLabel, longLabel, 'x'.repeat(61)].join('.')

describe('parseNameStrictly', () => {
  it.each([
    ['mail.example.com', ['mail', 'example', 'com']],
    ['mail.example.com.', ['mail', 'example', 'com']],
    ['Mail.Example.COM', ['Mail', 'Example', 'COM']],
    ['.', []],
    ['com', ['com']],
    ['_dmarc.example.com', ['_dmarc', 'example', 'com']],
    ['a\\.b.example', ['a.b', 'example']],
    ['a\\046b.example', ['a.b', 'example']],
    ['a\\\\.example', ['a\\', 'example']],
    ['a\\\\', ['a\\']],
    ['a\\.', ['a.']],
    ['a\\..', ['a.']],
    ['a\\\\.', ['a\\']],
    ['a\\046.', ['a.']],
    ['\\000\\255.x', ['\x00\xff', 'x']],
    ['\\a\\-.x', ['a-', 'x']],
    ['a b.x', ['a b', 'x']],
    ['a\x7fb.x', ['a\x7fb', 'x']],
    [longestName, longestName.split('.')],
    [`${longestName}.`, longestName.split('.')],
    ['\\120'.repeat(63), [longLabel]],
  ])('%j', (text, labels) => {
    const parsed = parseNameStrictly(text)
    expect(parsed.kind).toBe('name')
    if (parsed.kind === 'name') expect(labelsOf(parsed.name)).toEqual(labels)
  })

  it.each([
    ['', 'empty'],
    ['..', 'emptyLabel'],
    ['.example.com', 'emptyLabel'],
    ['mail..example.com', 'emptyLabel'],
    ['example.com..', 'emptyLabel'],
    [`${longLabel}x.example`, 'labelTooLong'],
    ['\\120'.repeat(64), 'labelTooLong'],
    [`${longestName}x`, 'nameTooLong'],
    [`a.${longestName}`, 'nameTooLong'],
    ['a.'.repeat(128), 'nameTooLong'],
    ['a'.repeat(1_000_000), 'nameTooLong'],
    ['a\\256', 'badEscape'],
    ['a\\999', 'badEscape'],
    ['a\\1', 'badEscape'],
    ['a\\12', 'badEscape'],
    ['a\\12x', 'badEscape'],
    ['a\\', 'badEscape'],
    ['mail.exämple.com', 'notAscii'],
    ['mail.\x80example.com', 'notAscii'],
    ['mail。example.com', 'notAscii'],
    ['mail.📧.com', 'notAscii'],
  ])('refuses %j as %s', (text, error) => {
    expect(parseNameStrictly(text)).toEqual({ kind: 'error', error })
    expect(parseName(text)).toBeUndefined()
  })

  it('accepts exactly the names of at most 255 octets', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 63 }), { minLength: 1, maxLength: 9 }), (lengths) => {
        const octets = lengths.reduce((sum, length) => sum + length + 1, 1)
        expect(parseNameStrictly(lengths.map((length) => 'x'.repeat(length)).join('.')).kind).toBe(octets <= 255 ? 'name' : 'error')
      }),
    )
  })

  it('never throws, and its result is a normal form that parses to itself', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.stringMatching(/^[a-z.\\0-9]{0,40}$/))
    fc.assert(
      fc.property(text, (presentation) => {
        const parsed = parseName(presentation)
        if (parsed === undefined) return
        expect(parsed).toMatch(/^[\x21-\x7e]+$/)
        expect(parseName(parsed)).toBe(parsed)
        expect(nameFromLabels(labelsOf(parsed))).toBe(parsed)
      }),
    )
  })
})

describe('the normal form', () => {
  it.each([
    [['a.b', 'example'], 'a\\.b.example'],
    [['a', 'b', 'example'], 'a.b.example'],
    [['a\r\nb'], 'a\\013\\010b'],
    [['\x00\x1b\x7f\x80\xff'], '\\000\\027\\127\\128\\255'],
    [['a b'], 'a\\032b'],
    [['"();@$\\'], '\\"\\(\\)\\;\\@\\$\\\\'],
    [['*', "!#%&'+,/:<=>?[]^`{|}~"], "*.!#%&'+,/:<=>?[]^`{|}~"],
    [[], '.'],
  ])('of %j is %s', (labels, expected) => {
    expect(nameFromLabels(labels)).toBe(expected)
  })

  it('round trips arbitrary octets, with and without a trailing dot', () => {
    fc.assert(
      fc.property(anyLabels, (labels) => {
        const domainName = nameFromLabels(labels)
        expect(labelsOf(domainName)).toEqual(labels)
        expect(parseName(domainName)).toBe(domainName)
        expect(parseName(domainName === ROOT ? ROOT : `${domainName}.`)).toBe(domainName)
      }),
    )
  })

  it('is one-to-one with the labels', () => {
    fc.assert(
      fc.property(anyLabels, anyLabels, (left, right) => {
        expect(nameFromLabels(left) === nameFromLabels(right)).toBe(JSON.stringify(left) === JSON.stringify(right))
      }),
    )
  })

  it('holds no byte that could end a line, a header or a terminal sequence', () => {
    fc.assert(
      fc.property(anyLabels, (labels) => {
        expect(nameFromLabels(labels)).toMatch(/^[\x21-\x7e]+$/)
      }),
    )
    for (let octet = 0; octet < 256; octet++) expect(escapeLabel(String.fromCharCode(octet))).toMatch(/^[\x21-\x7e]+$/)
  })
})

describe('name', () => {
  it('throws on a mistake and says which', () => {
    expect(name('mail.example.com')).toBe('mail.example.com')
    expect(() => name('mail..example.com')).toThrow(/emptyLabel.*mail\.\.example\.com/)
  })
})

describe('sameName', () => {
  it.each([
    ['Mail.Example.com', 'mail.example.COM', true],
    ['mail.example.com', 'mail.example.com.', true],
    ['mail.example.com', 'mail.example.co', false],
    ['a\\.b.example', 'a.b.example', false],
    ['a\\046b.example', 'a\\.b.example', true],
    ['\\195.example', '\\227.example', false],
  ])('%s and %s: %s', (left, right, expected) => {
    expect(sameName(name(left), name(right))).toBe(expected)
  })

  it('agrees with the canonical names', () => {
    fc.assert(
      fc.property(anyLabels, anyLabels, (left, right) => {
        const [a, b] = [nameFromLabels(left), nameFromLabels(right)]
        expect(sameName(a, b)).toBe(canonicalName(a) === canonicalName(b))
        expect(sameName(a, nameFromLabels(left.map(swapCase)))).toBe(true)
      }),
    )
  })
})

describe('compareNames', () => {
  it('gives the order of RFC 4034 §6.1', () => {
    const sorted = [
      'example',
      'a.example',
      'yljkjljk.a.example',
      'Z.a.example',
      'zABC.a.EXAMPLE',
      'z.example',
      '\\001.z.example',
      '*.z.example',
      '\\200.z.example',
    ].map(name)
    expect(sorted.toReversed().toSorted(compareNames)).toEqual(sorted)
  })

  it('puts the root first and a shorter label before a longer one', () => {
    expect([name('ab.x'), name('a\\000.x'), name('a.x'), name('x'), ROOT].toSorted(compareNames)).toEqual([
      '.',
      'x',
      'a.x',
      'a\\000.x',
      'ab.x',
    ])
  })

  it('is a total order that ignores case', () => {
    fc.assert(
      fc.property(anyLabels, anyLabels, anyLabels, (first, second, third) => {
        const [a, b, c] = [nameFromLabels(first), nameFromLabels(second), nameFromLabels(third)]
        expect(Math.sign(compareNames(a, b))).toBe(0 - Math.sign(compareNames(b, a)))
        expect(compareNames(a, b) === 0).toBe(sameName(a, b))
        expect(compareNames(a, nameFromLabels(first.map(swapCase)))).toBe(0)
        if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0) expect(compareNames(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })

  it('agrees with comparing the lower-cased octets label by label', () => {
    const octets = (labels: readonly string[]): Buffer[] => labels.toReversed().map((label) => Buffer.from(lowerAscii(label), 'latin1'))
    fc.assert(
      fc.property(anyLabels, anyLabels, (left, right) => {
        const [a, b] = [octets(left), octets(right)]
        const at = a.findIndex((label, index) => Buffer.compare(label, b[index] ?? Buffer.alloc(0)) !== 0)
        const expected = at < 0 || at >= b.length ? a.length - b.length : Buffer.compare(a[at] ?? Buffer.alloc(0), b[at] ?? Buffer.alloc(0))
        expect(Math.sign(compareNames(nameFromLabels(left), nameFromLabels(right)))).toBe(Math.sign(expected))
      }),
    )
  })
})

describe('isWithin', () => {
  it.each([
    ['mail.example.com', 'example.com', true],
    ['example.com', 'example.com', true],
    ['MAIL.Example.com', 'eXample.COM', true],
    ['mail.example.com', '.', true],
    ['.', '.', true],
    ['.', 'com', false],
    ['evil-example.com', 'example.com', false],
    ['com', 'example.com', false],
    ['example.com.evil.test', 'example.com', false],
    ['evil\\.example.com', 'example.com', false],
    ['evil\\\\.example.com', 'example.com', true],
    ['\\046example.com', 'example.com', false],
    ['a.b\\.c', 'b\\.c', true],
    ['a.b\\.c', 'c', false],
    ['a\\0011.x', '1.x', false],
  ])('%s within %s: %s', (inner, outer, expected) => {
    expect(isWithin(name(inner), name(outer))).toBe(expected)
  })

  it('agrees with comparing labels', () => {
    const fewLabels = fc.array(fc.constantFrom('a', 'b', 'A', 'a.b', '.', '\\', 'a\\', '\\.', '1', '\x01'), { maxLength: 4 })
    fc.assert(
      fc.property(fewLabels, fewLabels, (inner, outer) => {
        const tail = outer.length === 0 ? [] : inner.slice(-outer.length)
        const expected = tail.length === outer.length && tail.every((label, index) => lowerAscii(label) === lowerAscii(outer[index] ?? ''))
        expect(isWithin(nameFromLabels(inner), nameFromLabels(outer))).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('parentName and childName', () => {
  it.each([
    ['mail.example.com', 'example.com'],
    ['com', '.'],
    ['a\\.b.example', 'example'],
    ['a\\.b', '.'],
    ['a\\\\.b', 'b'],
    ['\\..\\.', '\\.'],
  ])('the parent of %s is %s', (child, parent) => {
    expect(parentName(name(child))).toBe(parent)
  })

  it('the root has no parent', () => {
    expect(parentName(ROOT)).toBeUndefined()
  })

  it('undo each other for any label', () => {
    fc.assert(
      fc.property(anyLabels, fc.constantFrom('a', '.', '\\', 'a.b', '\\.', '\x00'), (labels, label) => {
        const parent = nameFromLabels(labels)
        const child = childName(label, parent)
        expect(labelsOf(child)).toEqual([label, ...labels])
        expect(parentName(child)).toBe(parent)
      }),
    )
  })
})

describe('isHostName', () => {
  it.each(['mail.example.com', 'a', '3com.example', 'xn--bcher-kva.example', 'a-b.example', '7.100.51.198.in-addr.arpa', longLabel])(
    '%s is one',
    (text) => {
      expect(isHostName(name(text))).toBe(true)
    },
  )

  it.each([
    '.',
    '-a.example',
    'a-.example',
    'a_b.example',
    '_dmarc.example.com',
    '*.example.com',
    'a\\.b.example',
    'a\\032b.example',
    'a\\000.example',
    '\\195\\164.example',
  ])('%s is none', (text) => {
    expect(isHostName(name(text))).toBe(false)
  })

  it('is judged in linear time', () => {
    const text = name(`${`${'a-'.repeat(31)}a.`.repeat(3)}${'a-'.repeat(30)}_`)
    const started = performance.now()
    for (let round = 0; round < 1000; round++) isHostName(text)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

function lowerAscii(label: string): string {
  return label.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function swapCase(label: string): string {
  return label.replace(/[A-Za-z]/g, (letter) => (letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
}
