/**
 * The Sendmail milter protocol, versions 2 to 6, as values: what an MTA tells a filter and what the filter answers.
 * Text is octets as latin1 characters, so nothing is lost and nobody guesses at UTF-8. Codes and bits are those of
 * libmilter/mfdef.h and mfapi.h. Packets: milter-frame.ts; codecs: milter-command.ts, milter-reply.ts; no order of events.
 */
import type { IpAddress } from '../core/address.ts'

export const MILTER_VERSION_MIN = 2
export const MILTER_VERSION_MAX = 6

/** Steps that a filter can decline (SMFIP_NO*), or leave unanswered (SMFIP_NR_*). */
export type MilterStep = 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'endOfHeaders' | 'body' | 'unknown'

export interface MilterStepBits {
  /** SMFIP_NO*: the MTA does not send the step. */
  readonly decline: number
  /** SMFIP_NR_*: the MTA sends it and waits for no reply. */
  readonly silence: number
  /** The first version in which the step exists. */
  readonly sinceVersion: number
}

export const MILTER_STEPS: Readonly<Record<MilterStep, MilterStepBits>> = {
  connect: { decline: 0x1, silence: 0x1000, sinceVersion: 2 },
  helo: { decline: 0x2, silence: 0x2000, sinceVersion: 2 },
  mail: { decline: 0x4, silence: 0x4000, sinceVersion: 2 },
  rcpt: { decline: 0x8, silence: 0x8000, sinceVersion: 2 },
  body: { decline: 0x10, silence: 0x80000, sinceVersion: 2 },
  header: { decline: 0x20, silence: 0x80, sinceVersion: 2 },
  endOfHeaders: { decline: 0x40, silence: 0x40000, sinceVersion: 2 },
  unknown: { decline: 0x100, silence: 0x20000, sinceVersion: 3 },
  data: { decline: 0x200, silence: 0x10000, sinceVersion: 4 },
}

/** The other bits of the mask of steps. */
export const MILTER_OPTIONS = {
  /** SMFIP_SKIP: `skip` is understood. */
  skip: 0x400,
  /** SMFIP_RCPT_REJ: recipients that the MTA itself refuses are sent too. */
  rejectedRecipients: 0x800,
  /** SMFIP_HDR_LEADSPC: the space behind the colon is part of a header's value, in both directions. */
  headerLeadingSpace: 0x100000,
  /** SMFIP_MDS_*: Sendmail's larger limits for the data of a packet. */
  maxData256K: 0x10000000,
  maxData1M: 0x20000000,
} as const

/** SMFIF_*: what a filter may do to a message. */
export const MILTER_ACTIONS = {
  /** Inserting is included. */
  addHeaders: 0x1,
  changeBody: 0x2,
  addRecipients: 0x4,
  deleteRecipients: 0x8,
  /** Deleting is included. */
  changeHeaders: 0x10,
  quarantine: 0x20,
  changeSender: 0x40,
  addRecipientsWithParameters: 0x80,
  requestMacros: 0x100,
} as const

export type MilterAction = keyof typeof MILTER_ACTIONS

/** In the order of their numbers (SMFIM_*). */
export const MILTER_MACRO_STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfMessage', 'endOfHeaders'] as const
export type MilterMacroStage = (typeof MILTER_MACRO_STAGES)[number]
/** Names in canonical form. */
export type MilterMacroRequests = ReadonlyMap<MilterMacroStage, readonly string[]>

export interface MilterOffer {
  readonly version: number
  /** Bits of `MILTER_ACTIONS`. */
  readonly actions: number
  /** Bits of `MILTER_STEPS` and `MILTER_OPTIONS`. */
  readonly steps: number
}

/** The filter's side of the negotiation. */
export interface MilterAgreement extends MilterOffer {
  readonly macros: MilterMacroRequests
}

export type MilterPeer =
  | { readonly kind: 'ip'; readonly address: IpAddress; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  /** The MTA does not know it: standard input, or a family of its own. */
  | { readonly kind: 'unknown' }

export type MilterCommand =
  | { readonly kind: 'negotiate'; readonly offer: MilterOffer }
  /** `before`: the command that they come ahead of, even if that one was declined; null for one that we do not know. */
  | { readonly kind: 'macros'; readonly before: MilterCommandKind | null; readonly macros: ReadonlyMap<string, string> }
  /** `nameByMta`: what the MTA's own lookup confirmed, or `[address]` when it confirmed none. */
  | { readonly kind: 'connect'; readonly nameByMta: string; readonly peer: MilterPeer }
  | { readonly kind: 'helo'; readonly claimedName: string }
  /** `path`: as the client wrote it, angle brackets included. `parameters`: those of ESMTP. */
  | { readonly kind: 'mail' | 'rcpt'; readonly path: string; readonly parameters: readonly string[] }
  | { readonly kind: 'data' | 'endOfHeaders' | 'abort' | 'quit' }
  /** The session ends, and another one follows on the same connection. */
  | { readonly kind: 'quitNewConnection' }
  /** Folded by LF (Postfix, Sendmail). Without `headerLeadingSpace` one space behind the colon is gone. */
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  /** `chunk` shares memory with the packet. At the end of the message it is mostly empty. */
  | { readonly kind: 'body' | 'endOfMessage'; readonly chunk: Uint8Array }
  /** An SMTP command that the MTA does not know. */
  | { readonly kind: 'unknown'; readonly line: string }

export type MilterCommandKind = MilterCommand['kind']

export type MilterReply =
  | { readonly kind: 'negotiate'; readonly agreement: MilterAgreement }
  | { readonly kind: 'continue' | 'accept' | 'reject' | 'tempfail' | 'discard' }
  /** No more of these steps, please; only where `MILTER_OPTIONS.skip` was agreed. */
  | { readonly kind: 'skip' }
  /** Still at work: the MTA's timer starts anew. */
  | { readonly kind: 'progress' }
  /** 421; both end the MTA's session. Postfix knows `shutdown` only. */
  | { readonly kind: 'shutdown' | 'connectionFailure' }
  /** One rendered SMTP reply, 4xx or 5xx, its lines separated by CRLF; a CRLF at its end is not sent. */
  | { readonly kind: 'replyCode'; readonly text: string }
  /** The modifications: only in answer to `endOfMessage`, ahead of the final reply. */
  | MilterModification

export type MilterModification =
  /** At the end of the headers; Sendmail replaces a header that it has generated itself. */
  | { readonly kind: 'addHeader'; readonly name: string; readonly value: string }
  /** 0 stands above everything, the MTA's own Received included. */
  | { readonly kind: 'insertHeader'; readonly index: number; readonly name: string; readonly value: string }
  /** The index counts the headers of this name, from 1. */
  | { readonly kind: 'changeHeader'; readonly index: number; readonly name: string; readonly value: string }
  /** On the wire a change to an empty value. Later ones move up: delete the last first. */
  | { readonly kind: 'deleteHeader'; readonly index: number; readonly name: string }
  | { readonly kind: 'changeSender'; readonly path: string; readonly parameters: string | null }
  | { readonly kind: 'addRecipient' | 'deleteRecipient'; readonly path: string }
  | { readonly kind: 'addRecipientWithParameters'; readonly path: string; readonly parameters: string | null }
  /** At most 65,535 octets; several follow one another. `chunk` of a decoded one shares memory with the packet. */
  | { readonly kind: 'replaceBody'; readonly chunk: Uint8Array }
  | { readonly kind: 'quarantine'; readonly reason: string }

export type MilterReplyKind = MilterReply['kind']

/** As Sendmail writes macro names: `j`, `{client_resolve}`. `{j}` and `client_resolve` mean the same (smfi_getsymval). */
export function canonicalMacroName(name: string): string {
  const bare = name.length > 2 && name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name
  return bare.length > 1 ? `{${bare}}` : bare
}
