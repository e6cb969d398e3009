/**
 * Master files (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5, and BIND's $GENERATE): text → records, or the first error by file and line.
 * Pure: $INCLUDE asks the caller for text. It judges syntax only; what a zone may hold is for whoever serves it.
 */
import type { DomainName } from '../core/domain-name.ts'
import type { RecordType, ResourceRecord } from '../core/dns-record.ts'
import { FieldReader, parseDuration, resolveName, shown } from './zone-fields.ts'
import { fillTemplate, parseRange, parseTemplate, type GenerateTemplate } from './zone-generate.ts'
import { problemAt, ZoneLexer, type ZoneEntry, type ZonePlace, type ZoneProblem, type ZoneToken } from './zone-lexer.ts'
import { parseRecordType, readRecord } from './zone-rdata.ts'

export { formatRecord, formatRecordData, formatZone } from './zone-format.ts'

export interface ZoneFileOptions {
  /** The file's name, as errors show it and as $INCLUDE paths are relative to it. */
  readonly file: string
  /** Where relative names belong before the first $ORIGIN; without it they are an error. */
  readonly origin?: DomainName | undefined
  /** Gives the text of a file, or undefined when there is none. `path` is already relative to where `file` is. Without it $INCLUDE is refused. */
  readonly include?: ((path: string, fromFile: string) => string | undefined) | undefined
  readonly limits?: Partial<ZoneFileLimits> | undefined
}

interface ZoneFileLimits {
  readonly maxRecords: number
  /** How many records all $GENERATE lines may give together. */
  readonly maxGenerated: number
  /** How deep $INCLUDE may nest, and how many files there may be in all. */
  readonly maxIncludeDepth: number
  readonly maxIncludes: number
}

const DEFAULT_ZONE_FILE_LIMITS: ZoneFileLimits = {
  maxRecords: 2_000_000,
  maxGenerated: 262_144,
  maxIncludeDepth: 8,
  maxIncludes: 1000,
}

export interface ZoneFile {
  readonly kind: 'zone'
  /** In the order of the file, all of class IN. */
  readonly records: readonly ResourceRecord[]
  /** Every file that was read, the first one included. */
  readonly files: readonly string[]
}

export interface ZoneFileError {
  readonly kind: 'error'
  readonly file: string
  readonly line: number
  readonly column: number
  /** Plain words; whatever it shows of the file is quoted, printable and short. */
  readonly reason: string
}

/** The text is expected to have been decoded as UTF-8. */
export function parseZone(text: string, options: ZoneFileOptions): ZoneFile | ZoneFileError {
  const reading: Reading = {
    include: options.include,
    limits: { ...DEFAULT_ZONE_FILE_LIMITS, ...options.limits },
    records: [],
    files: [],
    generated: 0,
    generatedCharacters: 0,
  }
  const error = readFile(reading, text, options.file, options.origin, [])
  return error ?? { kind: 'zone', records: reading.records, files: reading.files }
}

/** `lab.zone:12:5: …`, the form that editors can jump to. */
export function formatZoneFileError({ file, line, column, reason }: ZoneFileError): string {
  return `${file}:${String(line)}:${String(column)}: ${reason}`
}

/** What the whole reading shares. */
interface Reading {
  readonly include: ZoneFileOptions['include']
  readonly limits: ZoneFileLimits
  readonly records: ResourceRecord[]
  readonly files: string[]
  generated: number
  generatedCharacters: number
}

/** What holds within one file: an included file starts with its own, and the including one goes on unchanged. */
interface Scope {
  readonly file: string
  /** The files that are being read, this one last. */
  readonly path: readonly string[]
  origin: DomainName | undefined
  owner: DomainName | undefined
  /** That of $TTL. */
  defaultTtl: number | undefined
  /** The last one that a record stated (RFC 1035 §5.1). */
  lastTtl: number | undefined
}

/** The words between owner and data. */
interface Header {
  readonly kind: 'header'
  readonly ttl: number | undefined
  readonly type: RecordType
  /** Index of the first word of the data. */
  readonly dataStart: number
}

type Failure = ZoneProblem | ZoneFileError

function readFile(
  reading: Reading,
  text: string,
  file: string,
  origin: DomainName | undefined,
  includedBy: readonly string[],
): ZoneFileError | undefined {
  reading.files.push(file)
  const scope: Scope = { file, path: [...includedBy, file], origin, owner: undefined, defaultTtl: undefined, lastTtl: undefined }
  const lexer = new ZoneLexer(text)
  for (let entry = lexer.next(); entry !== undefined; entry = lexer.next()) {
    const failure = entry.kind === 'problem' ? entry : readEntry(reading, scope, entry)
    if (failure === undefined) continue
    return failure.kind === 'error' ? failure : { ...failure, kind: 'error', file }
  }
  return undefined
}

function readEntry(reading: Reading, scope: Scope, entry: ZoneEntry): Failure | undefined {
  const [first] = entry.tokens
  if (first?.text.startsWith('$') === true && !first.quoted) {
    if (entry.startsBlank) return problemAt(first, `${shown(first.text)} must stand at the beginning of its line`)
    return readDirective(reading, scope, first, entry.tokens)
  }
  let owner = scope.owner
  if (!entry.startsBlank) {
    const fields = new FieldReader(entry.tokens, scope.origin)
    owner = fields.name('owner name')
    if (fields.problem) return fields.problem
    scope.owner = owner
  }
  if (owner === undefined) return problemAt(first ?? START, 'the owner name is missing: no record stands before this line')
  const header = readHeader(entry.tokens, entry.startsBlank ? 0 : 1)
  if (header.kind === 'problem') return header
  return addRecord(reading, scope, owner, header, entry.tokens, header.dataStart)
}

function readDirective(reading: Reading, scope: Scope, directive: ZoneToken, tokens: readonly ZoneToken[]): Failure | undefined {
  const fields = new FieldReader(tokens, scope.origin, 1)
  fields.label = directive.text.toUpperCase()
  switch (fields.label) {
    case '$ORIGIN': {
      const origin = fields.name('name')
      fields.end('name')
      if (!fields.problem) scope.origin = origin
      return fields.problem
    }
    case '$TTL': {
      const ttl = fields.duration('TTL')
      fields.end('TTL')
      if (!fields.problem) scope.defaultTtl = ttl
      return fields.problem
    }
    case '$INCLUDE':
      return readInclude(reading, scope, fields, directive)
    case '$GENERATE':
      return readGenerate(reading, scope, tokens)
    default:
      return problemAt(directive, `unknown directive ${shown(directive.text)}: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE`)
  }
}

function readInclude(reading: Reading, scope: Scope, fields: FieldReader, directive: ZoneToken): Failure | undefined {
  const written = fields.take('file name')?.text ?? ''
  const origin = fields.peek() ? fields.name('origin') : scope.origin
  fields.end('origin')
  if (fields.problem) return fields.problem
  const file = resolvePath(written, scope.file)
  const { maxIncludeDepth, maxIncludes } = reading.limits
  if (reading.include === undefined) return problemAt(directive, '$INCLUDE: other files cannot be read from here')
  if (scope.path.includes(file)) return problemAt(directive, `$INCLUDE: ${shown(file)} includes itself`)
  if (scope.path.length > maxIncludeDepth) return problemAt(directive, `$INCLUDE: more than ${String(maxIncludeDepth)} files deep`)
  if (reading.files.length > maxIncludes) return problemAt(directive, `$INCLUDE: more than ${String(maxIncludes)} files`)
  const text = reading.include(file, scope.file)
  if (text === undefined) return problemAt(directive, `$INCLUDE: ${shown(file)} cannot be read`)
  return readFile(reading, text, file, origin, scope.path)
}

function readGenerate(reading: Reading, scope: Scope, tokens: readonly ZoneToken[]): Failure | undefined {
  const [directive = { ...START, text: '', quoted: false }, rangeToken, ownerToken] = tokens
  if (rangeToken === undefined) return problemAt(directive, '$GENERATE: the range is missing')
  if (ownerToken === undefined) return problemAt(rangeToken, '$GENERATE: the owner name is missing')
  const range = parseRange(rangeToken)
  if (range.kind === 'problem') return range
  const header = readHeader(tokens, 3)
  if (header.kind === 'problem') return header
  reading.generated += range.count
  const { maxGenerated } = reading.limits
  if (reading.generated > maxGenerated) return problemAt(rangeToken, `$GENERATE: more than ${String(maxGenerated)} records in all`)

  const templates: GenerateTemplate[] = []
  for (const token of [ownerToken, ...splitQuoted(tokens.slice(header.dataStart), header.type)]) {
    const template = parseTemplate(token)
    if (template.kind === 'problem') return template
    templates.push(template)
  }
  for (let number = range.start; number <= range.stop; number += range.step) {
    const failure = generateRecord(reading, scope, header, templates, number)
    if (failure) return failure
  }
  return undefined
}

function generateRecord(
  reading: Reading,
  scope: Scope,
  header: Header,
  templates: readonly GenerateTemplate[],
  number: number,
): Failure | undefined {
  const words: ZoneToken[] = []
  for (const template of templates) {
    const word = fillTemplate(template, number)
    if (word === undefined) return problemAt(template.token, `$GENERATE: the offset takes ${String(number)} out of range`)
    reading.generatedCharacters += word.text.length
    words.push(word)
  }
  const [ownerToken = { ...START, text: '', quoted: false }] = words
  if (reading.generatedCharacters > MAX_GENERATED_CHARACTERS) return problemAt(ownerToken, '$GENERATE: the records are too long in all')
  const owner = resolveName(ownerToken.text, scope.origin)
  if (owner.kind === 'error') return problemAt(ownerToken, `$GENERATE: the owner name ${owner.reason}`)
  return addRecord(reading, scope, owner.name, header, words, 1)
}

/** BIND wants data of several words in one pair of quotes: `MX "10 mail-$"`. Here they may also stand without. */
function splitQuoted(words: readonly ZoneToken[], type: RecordType): readonly ZoneToken[] {
  const [only] = words
  if (words.length !== 1 || only?.quoted !== true || type === 'TXT') return words
  const inner = new ZoneLexer(only.text).next()
  return inner?.kind === 'entry' ? inner.tokens.map((token) => ({ ...token, line: only.line, column: only.column })) : words
}

/** TTL and class, both optional and in either order, then the type. */
function readHeader(tokens: readonly ZoneToken[], start: number): Header | ZoneProblem {
  let ttl: number | undefined
  let hasClass = false
  for (let index = start; ; index++) {
    const token = tokens[index]
    if (token === undefined) return problemAt(tokens.at(-1) ?? START, 'the record type is missing')
    const { text } = token
    const type = token.quoted ? undefined : parseRecordType(text)
    if (type !== undefined) return { kind: 'header', ttl, type, dataStart: index + 1 }
    if (/^[0-9]/.test(text)) {
      if (ttl !== undefined) return problemAt(token, `a second TTL, ${shown(text)}`)
      ttl = parseDuration(text)
      if (ttl === undefined)
        return problemAt(token, `${shown(text)} is neither a TTL (3600 or 1h30m, at most 2147483647 seconds) nor a type`)
    } else if (CLASSES.test(text)) {
      if (hasClass) return problemAt(token, `a second class, ${shown(text)}`)
      if (!INTERNET_CLASS.test(text)) return problemAt(token, `only class IN is read, not ${shown(text)}`)
      hasClass = true
    } else if (text.startsWith('$')) return problemAt(token, `${shown(text)} must stand at the beginning of its line`)
    else
      return problemAt(
        token,
        `unknown record type ${shown(text)}: others are written as TYPE and their number, their data as \\# (RFC 3597)`,
      )
  }
}

function addRecord(
  reading: Reading,
  scope: Scope,
  owner: DomainName,
  header: Header,
  tokens: readonly ZoneToken[],
  dataStart: number,
): ZoneProblem | undefined {
  const fields = new FieldReader(tokens, scope.origin, dataStart)
  fields.label = header.type
  const ttl = header.ttl ?? scope.defaultTtl ?? scope.lastTtl
  const record = readRecord(header.type, fields, owner, ttl ?? 0)
  fields.end('data')
  if (fields.problem) return fields.problem
  const place = tokens[0] ?? START
  if (reading.records.length >= reading.limits.maxRecords) return problemAt(place, `more than ${String(reading.limits.maxRecords)} records`)
  if (ttl !== undefined) reading.records.push(record)
  else if (record.type === 'SOA') reading.records.push({ ...record, ttl: record.minimum })
  else return problemAt(place, 'this record has no TTL: give it one, or write $TTL before it')
  // An SOA without any TTL before it takes its minimum, and the records behind it do so too.
  scope.lastTtl = header.ttl ?? scope.lastTtl ?? (record.type === 'SOA' ? record.minimum : undefined)
  return undefined
}

/** As a path in the folder of `fromFile`, with `.` and `..` resolved, so that a cycle cannot hide behind another spelling. */
function resolvePath(path: string, fromFile: string): string {
  const folder = fromFile.slice(0, fromFile.lastIndexOf('/') + 1)
  const full = path.startsWith('/') ? path : folder + path
  const parts: string[] = []
  for (const part of full.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (part !== '..' || !full.startsWith('/')) parts.push(part)
  }
  return (full.startsWith('/') ? '/' : '') + parts.join('/')
}

const START: ZonePlace = { line: 1, column: 1 }
const MAX_GENERATED_CHARACTERS = 2 ** 26
const CLASSES = /^(?:IN|CH|CS|HS|ANY|NONE|CLASS[0-9]+)$/i
const INTERNET_CLASS = /^(?:IN|CLASS0*1)$/i
