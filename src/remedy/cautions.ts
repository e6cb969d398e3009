/**
 * What not to do: the mistakes that people make at just these steps. Nothing is warned of that nobody was told to touch.
 */
import type { RemedyKind, RemedyStep } from './step.ts'

/** Plain sentences, those of the first steps first. */
export function whatNotToDo(steps: readonly Pick<RemedyStep, 'kind'>[]): readonly string[] {
  const kinds = new Set(steps.map(({ kind }) => kind))
  return CAUTIONS.filter(({ at }) => at.some((kind) => kinds.has(kind))).map(({ text }) => text)
}

const CAUTIONS: readonly { readonly at: readonly RemedyKind[]; readonly text: string }[] = [
  {
    at: ['forward'],
    text: "Do not change the A record of your website (the bare domain or www): the mail server needs a host name of its own, and only that name's record.",
  },
  {
    at: ['reverse'],
    text: "Do not look for the PTR at the registrar or in the DNS zone of your domain: a PTR made there has no effect, since the reverse zone belongs to the address's owner.",
  },
  {
    at: ['reverse', 'cleanup'],
    text: 'Do not add a second PTR record beside the first: one address, one PTR. Receivers may look at either.',
  },
  {
    at: ['reverse', 'cleanup'],
    text: 'Do not make the reverse name a CNAME of your host name, and do not put an address into the PTR: a PTR record holds a host name.',
  },
  {
    at: ['reverse'],
    text: 'Do not make one PTR for each domain that you host: the PTR names the server, not the senders.',
  },
  {
    at: ['helo'],
    text: 'Do not use the bare domain, localhost or an internal name in HELO, and leave the name under which users reach the server as it is.',
  },
  {
    at: ['wait'],
    text: 'Do not change records because of a lookup that was not answered: they may be right.',
  },
]
