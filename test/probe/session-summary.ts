/**
 * The facts of a session in few words, for tables: a key for each part that was reached, none for what was not asked because the
 * conversation had ended. Everything in it is text that can be read aloud.
 */
import type { Capabilities } from '../../src/probe/capabilities.ts'
import type {
  EndCause,
  Ended,
  GreetingFacts,
  HelloFacts,
  InjectionFacts,
  NotAsked,
  OldTlsFacts,
  QuitFacts,
  RelayFacts,
  ReplyFacts,
  SessionFacts,
  StartTlsFacts,
} from '../../src/probe/session-facts.ts'
import type { TlsFacts } from '../../src/probe/tls-facts.ts'

export interface Summary {
  readonly ended: string
  /** `220 text`; more lines are joined with ` | `. */
  readonly greeting?: string
  readonly name?: string
  readonly software?: string
  readonly hello?: string
  readonly offers?: string
  readonly startTls?: string
  readonly tls?: string
  readonly helloAfterTls?: string
  readonly offersAfterTls?: string
  readonly relay?: string
  readonly quit?: string
  readonly faults?: string
  readonly unsolicited?: readonly string[]
  readonly oldTls?: readonly string[]
  readonly injection?: string
}

export function summarise(facts: SessionFacts): Summary {
  const { greeting } = facts
  const faults = repliesOf(facts).flatMap(({ faults }) => faults)
  return withoutAbsent({
    ended: endedText(facts.ended),
    greeting: greetingText(greeting),
    name: greeting.kind === 'answered' ? (greeting.claimedName ?? undefined) : undefined,
    software: softwareText(greeting),
    hello: helloText(facts.hello),
    offers: offersText(facts.hello),
    startTls: startTlsText(facts.startTls),
    tls: tlsText(facts.tls),
    helloAfterTls: helloText(facts.helloAfterTls),
    offersAfterTls: offersText(facts.helloAfterTls),
    relay: relayText(facts.relay),
    quit: quitText(facts.quit),
    faults: faults.length === 0 ? undefined : [...new Set(faults)].join(' '),
    unsolicited: facts.unsolicited.length === 0 ? undefined : facts.unsolicited.map(({ stage, text }) => `${stage}: ${text}`),
    oldTls: facts.oldTls.length === 0 ? undefined : facts.oldTls.map(oldTlsText),
    injection: injectionText(facts.injection),
  })
}

type Absent<T> = { readonly [Key in keyof T]: T[Key] | undefined }

function withoutAbsent(summary: Absent<Required<Summary>>): Summary {
  const present = Object.entries(summary).filter(([, value]) => value !== undefined)
  return { ended: summary.ended ?? '', ...Object.fromEntries<unknown>(present) }
}

export function repliesOf(facts: SessionFacts): ReplyFacts[] {
  const { greeting, hello, helloAfterTls, startTls, relay, quit, ended } = facts
  const hellos = [hello, helloAfterTls].flatMap((part) => {
    if (part.kind === 'answered') return [part.ehloRefusal, part.reply]
    return part.kind === 'refused' ? [part.ehlo, part.helo] : []
  })
  const others = [greeting, startTls, relay, quit].map((part) => ('reply' in part ? part.reply : null))
  const last = ended.cause.kind === 'turnedAway' ? ended.cause.reply : null
  return [...others, ...hellos, last].filter((reply) => reply !== null)
}

export function endedText({ stage, underTls, cause }: Ended): string {
  return cause.kind === 'done' ? 'done' : `${stage}${underTls ? ' under TLS' : ''}: ${causeText(cause)}`
}

function causeText(cause: EndCause): string {
  switch (cause.kind) {
    case 'turnedAway':
      return `turnedAway ${String(cause.reply.code)}`
    case 'timeout':
      return `timeout ${String(cause.afterMs)}${heardText(cause.heard)}`
    case 'deadline':
    case 'reset':
    case 'closed':
      return `${cause.kind}${heardText(cause.heard)}`
    case 'malformed':
      return `malformed ${cause.fault}${heardText(cause.heard)}`
    case 'tlsFailed':
      return `tlsFailed ${cause.code}`
    case 'unreachable':
    case 'local':
      return `${cause.kind} ${cause.code}`
    case 'refused':
    case 'aborted':
    case 'done':
      return cause.kind
  }
}

function heardText(heard: string): string {
  if (heard === '') return ''
  return heard.length > 40 ? `, heard ${JSON.stringify(heard.slice(0, 10))} and more` : `, heard ${JSON.stringify(heard)}`
}

function notAskedText({ why }: NotAsked): string | undefined {
  return why === 'ended' || why === 'notWanted' ? undefined : why
}

function replyText({ code, enhanced, lines }: ReplyFacts): string {
  return `${String(code)} ${enhanced === null ? '' : `${enhanced} `}${lines.join(' | ')}`
}

function greetingText(facts: GreetingFacts): string | undefined {
  if (facts.kind === 'notAsked') return notAskedText(facts)
  return facts.kind === 'answered' ? replyText(facts.reply) : facts.kind
}

function softwareText(facts: GreetingFacts): string | undefined {
  if (facts.kind !== 'answered' || facts.software === null) return undefined
  const { product, version, by } = facts.software
  return `${product}${version === null ? '' : ` ${version}`}${by === 'shape' ? '?' : ''}`
}

function helloText(facts: HelloFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'unanswered':
      return facts.kind
    case 'refused':
      return `refused ${String(facts.ehlo.code)}${facts.helo === null ? '' : `, HELO ${String(facts.helo.code)}`}`
    case 'answered':
      return `${facts.verb} ${facts.claimedName ?? '-'}${facts.ehloRefusal === null ? '' : ` after ${String(facts.ehloRefusal.code)}`}`
  }
}

function offersText(facts: HelloFacts): string | undefined {
  return facts.kind === 'answered' && facts.capabilities !== null ? capabilitiesText(facts.capabilities) : undefined
}

export function capabilitiesText(capabilities: Capabilities): string {
  const { size, auth, limits, xclient, mtPriority, others, repeated, masked, ...flags } = capabilities
  const words = Object.entries(flags).flatMap(([key, isOffered]) => (isOffered ? [key] : []))
  if (size !== null) words.push(`size=${String(size.maxOctets)}`)
  if (auth !== null) words.push(`auth${auth.oldForm ? '(old)' : ''}=${auth.mechanisms.join(',')}`)
  if (limits !== null) words.push(`limits=${limits.map(({ name, value }) => `${name}:${value}`).join(',')}`)
  if (xclient !== null) words.push(`xclient=${xclient.join(',')}`)
  if (mtPriority !== null) words.push(`mtPriority=${String(mtPriority.profile)}`)
  for (const { keyword, parameters } of others) words.push(`+${keyword}${parameters === '' ? '' : `=${parameters}`}`)
  if (repeated.length > 0) words.push(`repeated:${repeated.join(',')}`)
  if (masked !== null) words.push(`masked:${masked}`)
  return words.join(' ')
}

function startTlsText(facts: StartTlsFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'unanswered':
      return facts.kind
    case 'notOffered':
      return `notOffered${facts.masked === null ? '' : ` but ${facts.masked}`}`
    case 'refused':
      return `refused ${String(facts.reply.code)}`
    case 'accepted':
      return `accepted${facts.trailing === null ? '' : `, then ${JSON.stringify(facts.trailing)}`}`
  }
}

function tlsText(facts: TlsFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'failed':
      return `failed: ${causeText(facts.cause)}`
    case 'established': {
      const trust = facts.verification.kind === 'trusted' ? 'trusted' : facts.verification.code
      return `${facts.protocol} ${trust} ${facts.nameMatch.kind}`
    }
  }
}

function relayText(facts: RelayFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'unanswered':
      return `${facts.stage} unanswered`
    case 'refused':
      return `${facts.stage} refused ${String(facts.reply.code)}`
    case 'accepted':
      return `accepted ${String(facts.reply.code)}`
  }
}

function quitText(facts: QuitFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'answered':
      return String(facts.reply.code)
    case 'unanswered':
      return causeText(facts.cause)
  }
}

function oldTlsText({ version, outcome }: OldTlsFacts): string {
  switch (outcome.kind) {
    case 'accepted':
      return `${version} accepted`
    case 'refused':
      return `${version} refused: ${causeText(outcome.cause)}`
    case 'inconclusive':
      return `${version} inconclusive: ${endedText(outcome.ended)}`
    case 'cannotAsk':
      return `${version} cannotAsk ${outcome.code}`
  }
}

function injectionText(facts: InjectionFacts): string | undefined {
  switch (facts.kind) {
    case 'notAsked':
      return notAskedText(facts)
    case 'refused':
      return `refused: ${causeText(facts.cause)}`
    case 'inconclusive':
      return `inconclusive: ${endedText(facts.ended)}`
    case 'answeredInClear':
      return `answeredInClear ${JSON.stringify(facts.text)}`
    case 'executed':
    case 'discarded':
    case 'notOffered':
      return facts.kind
  }
}
