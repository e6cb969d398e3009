/**
 * The findings about a refusal that a receiver has spoken and that is no matter of reverse DNS or HELO: so that nobody mends a PTR
 * record which is right. They come from `ptrgate explain` alone.
 */
import type { FindingTexts } from './catalogue.ts'
import { prose } from './prose.ts'

export const RECEIVER_FINDINGS = {
  RECEIVER_REPUTATION: {
    level: 'warning',
    message: '{ip} is refused for its reputation, not for its reverse DNS.',
    explanation: prose(`
      The receiver, or a block list that it asks, holds the address itself against the sender: mail from it was reported as spam, it
      belongs to a range whose owner says that no mail comes from there, or nobody knows it yet. Exchange Online answers so with 550
      5.7.606 to 5.7.649, Outlook.com with "part of their network is on our block list", others name Spamhaus or another list.

      A PTR record changes nothing about such an entry. It may still be missing as well; "ptrgate check" tells.
    `),
    remedy: prose(`
      The administrator of the sending server finds out why the address is listed, ends it, and asks for removal at the page that the
      reply names (Exchange Online: sender.office.com). On a rented address, the provider may have to do it for the whole network.
    `),
  },
  RECEIVER_NO_REASON: {
    level: 'inconclusive',
    message: '{ip} is refused without a reason that could be acted on.',
    explanation: prose(`
      The text is known as this receiver's, and it says only that the address is not wanted. T-Online answers so to addresses that it
      does not know. Neither missing reverse DNS nor a bad HELO can be concluded from it, nor can they be ruled out.
    `),
    remedy: prose(`
      The administrator of the sending server makes sure with "ptrgate check" that reverse DNS and HELO are right, and then writes to
      the contact that the reply names.
    `),
  },
  RECEIVER_OTHER_CAUSE: {
    level: 'notice',
    message: 'The receiver names a cause that is neither reverse DNS nor HELO: {meaning} ({status}).',
    explanation: prose(`
      The enhanced status code of the reply (RFC 3463, RFC 7372) says what was wrong, and it is something else: the recipient, the
      mailbox, the size of the message, or SPF, DKIM or DMARC of the sender's domain.
    `),
    remedy: 'Whoever sent the message reads what the reply says about the named cause. Reverse DNS needs no change for it.',
  },
} satisfies FindingTexts
