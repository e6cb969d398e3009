/**
 * docs/fix-my-ptr.md, for somebody who holds a bounce: what to do in which order, at which provider how, and what to send to any
 * other. Made from the same data as the remedies of `ptrgate check`; writing the file is the docs script's work.
 */
import { formatAddress, parseAddress, reverseName, type IpAddress } from '../core/address.ts'
import type { IprevFacts } from '../iprev/facts.ts'
import { whatNotToDo } from './cautions.ts'
import { PLACEHOLDER } from './desired-name.ts'
import { heloSettings } from './helo-settings.ts'
import { providerMessage } from './message.ts'
import type { Provider, ProviderStep } from './providers.ts'
import { recordLine } from './step.ts'

export function providersMarkdown(providers: readonly Provider[]): string {
  const sections = [
    INTRODUCTION,
    ORDER,
    '## Which provider',
    table(['Provider', 'Who sets the PTR', 'Wants the forward record first', 'A default PTR there'], providers.map(summaryRow)),
    ...providers.map(providerSection),
    OTHERS,
    fenced(EXAMPLE_MESSAGE),
    '## HELO, mail server by mail server',
    table(
      ['Mail server', 'Where the name is set'],
      heloSettings(NAME).map(({ label, command, setting }) => [label, code(command ?? setting ?? '')]),
    ),
    '## What not to do',
    list(whatNotToDo([{ kind: 'forward' }, { kind: 'reverse' }, { kind: 'helo' }, { kind: 'wait' }])),
    SPECIAL_CASES,
  ]
  return `${sections.join('\n\n')}\n`
}

const NAME = PLACEHOLDER
const IPV4: IpAddress = { family: 4, bytes: [198, 51, 100, 7] }
const IPV6 = parseAddress('2001:db8::7') ?? IPV4

const INTRODUCTION = `# Fix my PTR

<!-- Generated from config/providers.yaml and src/remedy by \`npm run docs\`. Do not edit. -->

A mail came back with \`550 5.7.25\`, "does not have a PTR record", "cannot find your hostname", "Bad DNS PTR resource record" or the
like: the receiver looked up the name of your server's address, and what it found does not lead back to the address. Here is how to
mend it. On this page ${formatAddress(IPV4)} stands for the public address of your server and ${NAME} for its host name.

Let ptrgate look first. It says what is wrong, who has to mend it, and prints these steps with your own address and name in them:

${fenced(`ptrgate check ${formatAddress(IPV4)} --helo ${NAME}`)}`

const ORDER = `## The steps, in this order

1. **The forward record.** In the DNS zone of your domain, give the host name the address of the server. Several providers refuse
   the PTR as long as this is missing.

${indentBlock(fenced(recordLine(NAME, 'A', formatAddress(IPV4))))}

2. **The PTR record.** It belongs to whoever owns the address: your hosting provider or ISP, not the registrar of your domain. Most
   providers let you set it yourself, see below.

${indentBlock(fenced(recordLine(reverseName(IPV4), 'PTR', `${NAME}.`)))}

3. **HELO.** Let the mail server introduce itself by the same name, see below.
4. **The proof.** Run \`ptrgate check\` again, or ask \`dig +short -x ${formatAddress(IPV4)}\` and \`dig +short ${NAME}\`: each must show
   the other. Caches may keep the old answer for as long as the TTL of the record says.

The same goes for IPv6, for exactly the address from which the server sends. Receivers judge each address by itself.`

const OTHERS = `## Any other provider

The operator of the reverse zone is the one to ask. \`ptrgate check\` finds the zone; by hand, ask for the SOA record of the reverse
name, taking one label after the other from its front, until there is an answer:

${fenced(['7.100.51.198', '100.51.198', '51.198'].map((labels) => `dig +short ${labels}.in-addr.arpa SOA`).join('\n'))}

Then send them this:`

const SPECIAL_CASES = `## Special cases

- **The reverse name is an alias** (classless delegation, RFC 2317): \`dig -x\` shows a CNAME. The PTR record belongs at the name that
  the CNAME leads to, mostly in a zone of your own.
- **An access line** (DSL, cable, mobile): many ISPs set no PTR there, and many receivers refuse such addresses in any case. Send
  through the relay of the ISP or of a mail provider.
- **Behind NAT or in a container**: what counts is the public address, not the one that the machine sees.
- **Google Workspace and Microsoft 365** keep the PTR records of their own servers in order. If a mail of such a domain is refused for
  its PTR, it left through another server: a printer, a shop, a newsletter program.`

const EXAMPLE_MESSAGE = exampleMessage()

function exampleMessage(): string {
  const iprev: IprevFacts = {
    kind: 'iprev',
    address: IPV4,
    reverseName: reverseName(IPV4),
    result: 'permerror',
    reason: 'noReverseName',
    aliases: [],
    ptrTtl: null,
    names: [],
    ptrNameCount: 0,
    truncated: false,
    authenticated: false,
    queries: 1,
  }
  const desiredName = { name: NAME, source: 'helo' } as const
  const { subject, body } = providerMessage({
    address: IPV4,
    findings: [],
    iprev,
    helo: null,
    reverseZone: null,
    provider: null,
    desiredName,
  })
  return `Subject: ${subject}\n\n${body.trimEnd()}`
}

function summaryRow({ id, name, setBy, forwardFirst, ptrNames }: Provider): readonly string[] {
  const [pattern] = ptrNames
  const shape = pattern === undefined ? '' : code(pattern.replace(/\{([a-z]+)\}/g, (_, token: string) => EXAMPLE_OF_TOKEN[token] ?? '*'))
  return [`[${name}](#${id})`, setBy === 'you' ? 'you' : 'the provider', forwardFirst ? 'yes' : 'no', shape]
}

const EXAMPLE_OF_TOKEN: Readonly<Record<string, string>> = {
  a: '198',
  b: '51',
  c: '100',
  d: '7',
  dashed: '198-51-100-7',
  digits: '12345',
  hex: '1a2b3c4d',
}

function providerSection({ id, name, steps, notes, verified, sources, ...clues }: Provider): string {
  return [
    // The anchor that most renderers make of a heading would follow the name; the id stays.
    `<a id="${id}"></a>`,
    `### ${name}`,
    ...steps.map(stepText),
    ...(notes.length > 0 ? [list(notes)] : []),
    ...recognition(clues),
    `${VERIFIED[verified]}: ${sources.map((source) => `<${source}>`).join(', ')}`,
  ].join('\n\n')
}

function recognition({
  ptrNames,
  nameservers,
  recognition: level,
}: Pick<Provider, 'ptrNames' | 'nameservers' | 'recognition'>): readonly string[] {
  const names = ptrNames.length > 0 ? [`the PTR names ${ptrNames.map(code).join(', ')}`] : []
  const servers = nameservers.length > 0 ? [`the nameservers ${nameservers.map(code).join(', ')}`] : []
  const clues = [...names, ...servers].join(' and by ')
  return clues === '' ? [] : [`ptrgate recognises it by ${clues} (${level}).`]
}

const VERIFIED: Readonly<Record<Provider['verified'], string>> = {
  documented: 'Documented by the provider',
  seen: 'As third parties describe it; see also',
  unverified: 'Not verified; see',
}

function stepText({ step, command, only }: ProviderStep): string {
  const address = formatAddress(only === 'ipv6' ? IPV6 : IPV4)
  const values: Readonly<Record<string, string>> = { ip: address, name: NAME, fqdn: `${NAME}.` }
  const fill = (template: string): string => template.replace(/\{([a-z]+)\}/g, (placeholder, token: string) => values[token] ?? placeholder)
  const family = only === undefined ? '' : only === 'ipv4' ? 'IPv4: ' : 'IPv6: '
  const text = `${family}${fill(step)}`
  return command === undefined ? text : `${text}\n\n${fenced(fill(command))}`
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n')
}

function code(text: string): string {
  return text.includes('`') ? `\`\`${text}\`\`` : `\`${text}\``
}

function fenced(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``
}

function indentBlock(text: string): string {
  return text.replace(/^(?=.)/gm, '   ')
}

/** Columns as wide as their widest cell, as the formatter wants them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
