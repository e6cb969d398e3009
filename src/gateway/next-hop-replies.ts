/**
 * What the next hop says, as whole replies: octets in pieces of any size → values (RFC 5321 §4.2). It holds one unfinished
 * reply, at most `MAX_REPLY_OCTETS` of it. It knows no socket, and does not say which command a reply belongs to.
 */
import { parseReply, MAX_RECEIVED_LINE_LENGTH, type ReceivedReply } from '../wire/smtp-reply.ts'

export type NextReply =
  | { readonly kind: 'reply'; readonly reply: ReceivedReply }
  | { readonly kind: 'incomplete' }
  /** Nothing that comes after it can be told apart any more. */
  | { readonly kind: 'fault'; readonly reason: string }

export const MAX_REPLY_OCTETS = 65_536

export class ReplyReader {
  #text = ''
  /** Of the unfinished reply: a line without its end can be no longer than this. */
  #lineStart = 0
  #mayBeWhole = false

  /** There is something that no reply has been made of yet. */
  get isMidReply(): boolean {
    return this.#text !== ''
  }

  push(octets: Buffer): void {
    this.#text += octets.toString('latin1')
    if (octets.includes(LINE_FEED)) {
      this.#mayBeWhole = true
      this.#lineStart = this.#text.lastIndexOf('\n') + 1
    }
  }

  next(): NextReply {
    // Read again only when a line has ended, lest a peer that writes octet by octet cost the square of its reply.
    if (!this.#mayBeWhole && this.#text.length - this.#lineStart <= MAX_RECEIVED_LINE_LENGTH) return { kind: 'incomplete' }
    const parsed = parseReply(this.#text)
    switch (parsed.kind) {
      case 'reply':
        this.#text = this.#text.slice(parsed.length)
        this.#lineStart = this.#text.lastIndexOf('\n') + 1
        this.#mayBeWhole = this.#lineStart > 0
        return { kind: 'reply', reply: parsed.reply }
      case 'incomplete':
        this.#mayBeWhole = false
        return this.#text.length > MAX_REPLY_OCTETS ? { kind: 'fault', reason: 'replyTooLong' } : parsed
      case 'error':
        return { kind: 'fault', reason: `reply: ${parsed.reason}` }
    }
  }
}

const LINE_FEED = 10
