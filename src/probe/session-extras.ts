/**
 * What takes a connection of its own, and is asked only on demand: does the server accept an old TLS version, and does it carry out
 * under TLS what was sent in clear behind STARTTLS (CVE-2011-0411). A server that turns us away has told neither.
 */
import { Conversation, type ConversationOptions } from './session-conversation.ts'
import type { EndCause, InjectionFacts, OldTlsFacts } from './session-facts.ts'
import type { SessionTarget } from './smtp-session-settings.ts'
import type { TlsFacts, TlsVersion } from './tls-facts.ts'

type ExtraOptions = Omit<ConversationOptions, 'purpose'>

/** Connects, greets and says hello; with implicit TLS the handshake comes first. False when it ended on the way. */
export async function beginConversation(conversation: Conversation, { implicitTls }: SessionTarget): Promise<boolean> {
  if (!(await conversation.connect())) return false
  if (implicitTls) {
    conversation.shown.hello = { kind: 'notAsked', why: 'implicitTls' }
    conversation.shown.startTls = { kind: 'notAsked', why: 'implicitTls' }
    if (!(await conversation.secure())) return false
  }
  return (await conversation.greet()) && (await conversation.hello())
}

export async function checkOldTls(version: TlsVersion, options: ExtraOptions): Promise<OldTlsFacts> {
  const tls = { ...options.settings.tls, minVersion: version, maxVersion: version }
  const conversation = new Conversation({ ...options, settings: { ...options.settings, tls }, purpose: version })
  try {
    const isUp = await beginConversation(conversation, options.target)
    if (isUp && !options.target.implicitTls && (await conversation.askStartTls())) await conversation.secure()
    await conversation.quit()
    return { version, outcome: outcomeOf(conversation) }
  } finally {
    conversation.close()
  }
}

function outcomeOf(conversation: Conversation): OldTlsFacts['outcome'] {
  const { tls, startTls } = conversation.shown
  const inconclusive = { kind: 'inconclusive', ended: conversation.ended ?? ABORTED } as const
  if (startTls.kind === 'refused')
    return { kind: 'inconclusive', ended: { ...STARTTLS, cause: { kind: 'turnedAway', reply: startTls.reply } } }
  return handshakeOutcome(tls) ?? inconclusive
}

function handshakeOutcome(tls: TlsFacts): OldTlsFacts['outcome'] | null {
  if (tls.kind === 'established') return { kind: 'accepted', cipher: tls.cipher.name }
  if (tls.kind !== 'failed') return null
  const { cause } = tls
  if (cause.kind === 'tlsFailed' && OWN_LIMITS.has(cause.code)) return { kind: 'cannotAsk', code: cause.code }
  return isRefusal(cause) ? { kind: 'refused', cause } : null
}

const ABORTED = { stage: 'connect', underTls: false, cause: { kind: 'aborted' } } as const
const STARTTLS = { stage: 'startTls', underTls: false } as const
/** Said by our own OpenSSL before it sends anything. */
const OWN_LIMITS = new Set(['ERR_SSL_NO_PROTOCOLS_AVAILABLE', 'ERR_SSL_NO_CIPHERS_AVAILABLE', 'ERR_TLS_INVALID_PROTOCOL_VERSION'])

/** A server that does not like the version sends an alert, or just goes. */
function isRefusal({ kind }: EndCause): boolean {
  return kind === 'tlsFailed' || kind === 'closed' || kind === 'reset'
}

/**
 * After the handshake EHLO and QUIT are sent: an injected NOOP that was kept is answered first, so that every reply is one late,
 * and one with EHLO's code stands between EHLO's seeming answer and the farewell.
 */
export async function checkInjection(options: ExtraOptions): Promise<InjectionFacts> {
  const conversation = new Conversation({ ...options, purpose: 'injection' })
  try {
    if (await beginConversation(conversation, options.target)) {
      const isAccepted = await conversation.askStartTls('NOOP\r\n')
      // It waits for a handshake now, and it has told enough.
      if (isAccepted && hasAnsweredInClear(conversation)) return injectionOf(conversation)
      if (isAccepted && (await conversation.secure())) await conversation.hello()
    }
    await conversation.quit()
    return injectionOf(conversation)
  } finally {
    conversation.close()
  }
}

function hasAnsweredInClear({ shown: { startTls } }: Conversation): boolean {
  return startTls.kind === 'accepted' && startTls.trailing !== null
}

function injectionOf({ shown, ended, unsolicited }: Conversation): InjectionFacts {
  const { startTls, tls, helloAfterTls, quit } = shown
  const inconclusive = { kind: 'inconclusive', ended: ended ?? ABORTED } as const
  if (startTls.kind === 'notOffered') return { kind: 'notOffered' }
  if (startTls.kind === 'refused') return { kind: 'refused', cause: { kind: 'turnedAway', reply: startTls.reply } }
  if (startTls.kind !== 'accepted') return inconclusive
  if (startTls.trailing !== null) return { kind: 'answeredInClear', text: startTls.trailing }
  if (tls.kind === 'failed' && isRefusal(tls.cause)) return { kind: 'refused', cause: tls.cause }
  if (helloAfterTls.kind === 'answered' && unsolicited.some(({ stage, text }) => stage === 'quit' && text.startsWith('250'))) {
    return { kind: 'executed' }
  }
  return helloAfterTls.kind === 'answered' && quit.kind === 'answered' ? { kind: 'discarded' } : inconclusive
}
