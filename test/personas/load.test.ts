import { describe, expect, it } from 'vitest'
import { readPersonas } from '../../src/app/personas.ts'
import { loadPersonas, parsePersona, PersonaError } from '../../src/personas/load.ts'
import { MAX_REPLY_LINE_OCTETS } from '../../src/render/smtp-reply.ts'

const GOOD = `name: example
description: An example
kind: provider
stage: rcpt
texts:
  - findings: [PTR_MISSING]
    code: 550
    enhanced: 5.7.25
    lines: ['No PTR record for {ip}']
    source: this test
    date: 2024-07-31
`

function errorOf(text: string): string {
  try {
    parsePersona(text, 'example.yaml')
  } catch (error) {
    if (error instanceof PersonaError) return error.message
    throw error
  }
  return 'no error'
}

describe('a file of a persona', () => {
  it('becomes a persona', () => {
    expect(parsePersona(GOOD, 'example.yaml')).toMatchObject({
      name: 'example',
      stage: 'rcpt',
      texts: [
        {
          use: 'answer',
          stage: 'rcpt',
          code: 550,
          enhanced: { first: '5.7.25', last: '5.7.25' },
          key: 'No PTR record for {ip}',
          family: null,
        },
      ],
    })
  })

  it.each([
    ['a mistyped key', ['    code: 550', '    cod: 550'], 'example.yaml:7:5: texts.1.cod: is no known key'],
    [
      'an unknown finding',
      ['[PTR_MISSING]', '[PTR_MISING]'],
      'example.yaml:6:16: texts.1.findings.1: is no known finding; `ptrgate findings` lists them',
    ],
    ['an unknown stage', ['stage: rcpt', 'stage: recipient'], 'example.yaml:4:1: stage:'],
    [
      'codes of two classes',
      ['enhanced: 5.7.25', 'enhanced: 4.7.25'],
      'example.yaml:8:5: texts.1.enhanced: 4.7.25 is of another class than 550',
    ],
    [
      'a permanent code for what could not be told',
      ['PTR_MISSING', 'PTR_UNKNOWN'],
      'example.yaml:7:5: texts.1.code: what could not be told never gets a permanent answer',
    ],
    [
      'an unknown placeholder',
      ['{ip}', '{addr}'],
      'example.yaml:9:5: texts.1.lines: {addr} is no placeholder; there is {ip} {helo} {ptr} {host} {any}',
    ],
    [
      'a wildcard in a text that is spoken',
      ['{ip}', '{any}'],
      'example.yaml:9:5: texts.1.lines: a text that is spoken may hold only {ip} {helo} {ptr} {host}',
    ],
    ['{host} without a host', ['{ip}', '{host}'], 'example.yaml:1:1: a text names {host}: host is missing, one of its servers'],
    ['a text without a code', ['    code: 550\n', ''], 'texts.1.use: a text that is spoken needs code and enhanced (or none)'],
    ['a text that is nothing but a placeholder', ["'No PTR record for {ip}'", "'{ip}'"], 'too little is left to recognise it by'],
    ['letters beyond ASCII', ['No PTR record', 'Kein PTR-Eintr\u00e4g'], 'must be one line of printable ASCII'],
    ['an escape sequence', ["'No PTR record for {ip}'", '"No PTR record \\e[31m"'], 'must be one line of printable ASCII'],
    ['a line end within a line', ["'No PTR record for {ip}'", '"No PTR record\\r\\n250 OK"'], 'must be one line of printable ASCII'],
    ['a day that is none', ['2024-07-31', 'July'], 'example.yaml:11:5: texts.1.date: must be 2024, 2024-07, 2024-07-31 or unknown'],
    ['a name that is taken', ['name: example', 'name: rfc7372'], 'example.yaml:1:1: name: rfc7372 is taken'],
    ['a broken bracket', ['[PTR_MISSING]', '[PTR_MISSING'], 'example.yaml:7:'],
    ['a 2xx code', ['code: 550', 'code: 250'], 'example.yaml:7:5: texts.1.code:'],
  ] as const)('%s → the place and what is wrong', (_, [written, instead], message) => {
    expect(errorOf(GOOD.replace(written, instead))).toContain(message)
  })

  it('that has a twin → both files are named', () => {
    expect(() =>
      loadPersonas([
        { file: 'one.yaml', text: GOOD },
        { file: 'two.yaml', text: GOOD },
      ]),
    ).toThrow(new PersonaError('two.yaml:1:1: example is also in one.yaml'))
  })

  it('the mistakes of all files are told at once', () => {
    const bad = GOOD.replace('kind:', 'kid:')
    expect(() =>
      loadPersonas([
        { file: 'one.yaml', text: bad },
        { file: 'two.yaml', text: bad },
      ]),
    ).toThrow(/^one\.yaml:3:1: kid: is no known key\n(?:.*\n)*two\.yaml:3:1: kid: is no known key/)
  })
})

describe('the files that are shipped', () => {
  const personas = readPersonas()

  it('are valid, and RFC 7372 comes first', () => {
    expect(personas[0]?.name).toBe('rfc7372')
    expect(personas.length).toBeGreaterThanOrEqual(24)
  })

  it('name a source for every text, and a date or that it is unknown', () => {
    for (const { texts } of personas) for (const { source, date } of texts) expect({ source, date }).not.toContain('')
  })

  it('hold no line that an SMTP reply could not hold', () => {
    for (const { texts } of personas)
      for (const { lines } of texts) for (const line of lines) expect(line.length).toBeLessThan(MAX_REPLY_LINE_OCTETS - 64)
  })
})
