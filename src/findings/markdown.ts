/**
 * The reference page of the findings (docs/findings.md), made from the catalogue. Pure; writing the file is the docs script's work.
 */
import type { CatalogueEntry, FindingTexts } from './catalogue.ts'
import { FORWARD_FINDINGS } from './catalogue-forward.ts'
import { HELO_FINDINGS } from './catalogue-helo.ts'
import { PROBE_FINDINGS } from './catalogue-probe.ts'
import { RECEIVER_FINDINGS } from './catalogue-receiver.ts'
import { RECORD_FINDINGS } from './catalogue-records.ts'
import { REVERSE_FINDINGS } from './catalogue-reverse.ts'
import { TARGET_FINDINGS } from './catalogue-target.ts'

export function findingsMarkdown(): string {
  return [
    INTRODUCTION,
    ...GROUPS.map(({ title, texts }) => `- ${title}: ${Object.keys(texts).map(linkTo).join(', ')}`),
    '',
    ...GROUPS.map(groupSection),
  ].join('\n')
}

const INTRODUCTION = `# Findings

<!-- Generated from src/findings by \`npm run docs\`. Do not edit. -->

Every judgement of ptrgate is one of these findings, whether it comes from \`ptrgate check\`, from the mail gate or from the library.
The code is stable; scripts should go by it. The message shows its arguments in braces. \`ptrgate findings CODE\` prints one on the terminal.

Levels, from low to high: \`info\`, \`notice\`, \`warning\`, \`error\`. \`inconclusive\` stands beside them: it could not be told, which is
never the same as "there is none".
`

interface Group {
  readonly title: string
  readonly texts: FindingTexts
}

const GROUPS: readonly Group[] = [
  { title: 'The reverse direction: from the address to its names', texts: REVERSE_FINDINGS },
  { title: 'The forward direction: from the names back to the address', texts: FORWARD_FINDINGS },
  { title: 'HELO: what the client calls itself', texts: HELO_FINDINGS },
  { title: 'The target of a check, and our own resolver', texts: TARGET_FINDINGS },
  { title: 'A conversation with a mail server', texts: PROBE_FINDINGS },
  { title: 'What a receiver said that is neither reverse DNS nor HELO', texts: RECEIVER_FINDINGS },
  { title: 'The records around a mail server: SPF, DMARC, DKIM, MTA-STS, TLS-RPT, DANE, blocklists', texts: RECORD_FINDINGS },
]

function groupSection({ title, texts }: Group): string {
  return [`## ${title}`, '', ...Object.entries(texts).map(([code, entry]) => findingSection(code, entry))].join('\n')
}

function findingSection(code: string, { level, message, explanation, remedy }: CatalogueEntry): string {
  const cure = remedy === '' ? [] : [`**What to do:** ${escapeMarkdown(remedy)}`, '']
  return [`### ${code}`, '', `\`${level}\`: ${escapeMarkdown(message)}`, '', escapeMarkdown(explanation), '', ...cure].join('\n')
}

/** The anchor as GitHub and most renderers make it from the heading. */
function linkTo(code: string): string {
  return `[${code}](#${code.toLowerCase()})`
}

/** The texts are prose; only these characters could be taken for markup in them. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*<]/g, '\\$&')
}
