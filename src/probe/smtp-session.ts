/**
 * `probeSession`: one polite SMTP conversation with one address and port, and what it has shown. It asks and records; what that means
 * is for others to say. Extra checks take connections of their own, one after the other, each with the permission of `admit`.
 */
import { beginConversation, checkInjection, checkOldTls } from './session-extras.ts'
import { Conversation, type ConversationOptions } from './session-conversation.ts'
import type { ConnectFacts, Ended, InjectionFacts, NotAsked, OldTlsFacts, SessionFacts } from './session-facts.ts'
import { resolveSettings, type RelayTest, type SessionSettings, type SessionTarget } from './smtp-session-settings.ts'

/** Resolves whatever happens on the wire; rejects only for settings that cannot be sent, and for what `onEvent` throws. */
export async function probeSession(target: SessionTarget, settings: SessionSettings, signal?: AbortSignal): Promise<SessionFacts> {
  const options = { target, settings: resolveSettings(settings), signal }
  const admitted = <T>(converse: () => Promise<T>): Promise<T | null> => withAdmission(settings, signal, converse)
  const facts = (await admitted(() => probeOnce(options, settings.relayTest))) ?? neverBegun(options)
  if (facts.tls.kind === 'notAsked') return facts
  const oldTls: OldTlsFacts[] = []
  for (const version of settings.checkOldTls ?? []) {
    const outcome = await admitted(() => checkOldTls(version, options))
    oldTls.push(outcome ?? { version, outcome: { kind: 'inconclusive', ended: NEVER_BEGUN } })
  }
  const isInjectable = settings.checkInjection === true && facts.startTls.kind === 'accepted'
  const injection: InjectionFacts = isInjectable
    ? ((await admitted(() => checkInjection(options))) ?? { kind: 'inconclusive', ended: NEVER_BEGUN })
    : facts.injection
  return { ...facts, oldTls, injection }
}

async function withAdmission<T>(
  { admit }: SessionSettings,
  signal: AbortSignal | undefined,
  converse: () => Promise<T>,
): Promise<T | null> {
  if (admit === undefined) return converse()
  const release = await admit(signal)
  if (release === null) return null
  try {
    return await converse()
  } finally {
    release()
  }
}

type Options = Omit<ConversationOptions, 'purpose'>

async function probeOnce(options: Options, relayTest: RelayTest | undefined): Promise<SessionFacts> {
  const conversation = new Conversation({ ...options, purpose: 'main' })
  try {
    if (await beginConversation(conversation, options.target)) {
      if (!options.target.implicitTls && (await conversation.askStartTls()) && (await conversation.secure())) await conversation.hello()
      if (relayTest !== undefined && conversation.ended === null) await conversation.tryRelay(relayTest)
    }
    await conversation.quit()
    return factsOf(conversation, options, relayTest)
  } finally {
    conversation.close()
  }
}

function factsOf(conversation: Conversation, options: Options, relayTest: RelayTest | undefined): SessionFacts {
  const { shown, ended, elapsedMs, transcript, unsolicited } = conversation
  return {
    ...identityOf(options),
    ...shown,
    relay: relayTest === undefined ? NOT_WANTED : shown.relay,
    ended: ended ?? NEVER_BEGUN,
    unsolicited,
    durationMs: elapsedMs,
    transcript,
    oldTls: [],
    injection: NOT_WANTED,
  }
}

/** The signal came while it waited for its turn. */
function neverBegun(options: Options): SessionFacts {
  const connect: ConnectFacts = { kind: 'failed', durationMs: 0, cause: NEVER_BEGUN.cause }
  const { implicitTls } = options.target
  const inClear: NotAsked = implicitTls ? { kind: 'notAsked', why: 'implicitTls' } : NOT_REACHED
  return {
    ...identityOf(options),
    connect,
    greeting: NOT_REACHED,
    hello: inClear,
    startTls: inClear,
    tls: NOT_REACHED,
    helloAfterTls: NOT_REACHED,
    relay: NOT_REACHED,
    quit: NOT_REACHED,
    ended: NEVER_BEGUN,
    unsolicited: [],
    durationMs: 0,
    transcript: { lines: [], truncated: false },
    oldTls: [],
    injection: NOT_WANTED,
  }
}

const NEVER_BEGUN: Ended = { stage: 'connect', underTls: false, cause: { kind: 'aborted' } }
const NOT_REACHED: NotAsked = { kind: 'notAsked', why: 'ended' }
const NOT_WANTED: NotAsked = { kind: 'notAsked', why: 'notWanted' }

function identityOf({ target, settings }: Options): Pick<SessionFacts, 'address' | 'port' | 'implicitTls' | 'ehloName'> {
  return { address: target.address, port: target.port, implicitTls: target.implicitTls, ehloName: settings.ehloName }
}
