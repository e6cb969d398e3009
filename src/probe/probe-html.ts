/**
 * `ptrgate probe --html`: the report as one page that needs nothing else, for a browser or a printer, light or dark. Every text that
 * comes from outside passes `escapeForHtml`; there is no script in it.
 */
import { formatAddress } from '../core/address.ts'
import { CATALOGUE, type Finding } from '../findings/catalogue.ts'
import { escapeForHtml } from '../render/escape.ts'
import { argumentText, findingMessage } from '../render/finding-text.ts'
import { SEVERITY } from '../render/text-style.ts'
import { LAYERS, type AlignmentMatrix } from './name-alignment.ts'
import { loopSvg } from './probe-loop-svg.ts'
import { LAYER_WORDS, sessionRows } from './probe-text.ts'
import type { ProbedAddress, ProbedHost, ProbeReport } from './probe.ts'

export interface ProbeHtmlOptions {
  readonly at: Date
  readonly version: string
  readonly transcript: boolean
}

export function renderProbeHtml(reports: readonly ProbeReport[], options: ProbeHtmlOptions): string {
  const title = reports.map(({ target }) => argumentText(target)).join(', ')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>ptrgate probe: ${escapeForHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${reports.map((report) => reportHtml(report, options)).join('\n')}
</main>
<footer>ptrgate ${escapeForHtml(options.version)}, ${escapeForHtml(options.at.toISOString())}</footer>
</body>
</html>
`
}

function reportHtml(report: ProbeReport, options: ProbeHtmlOptions): string {
  const { target, verdict, score, vantage, hosts, sending, findings } = report
  const points = score === null ? 'no score' : `${score.letter}, ${String(score.points)} of ${String(score.of)}`
  const probed = hosts.flatMap((host) => host.addresses.map((address) => addressHtml(address, host, options)))
  const senders = sending.map(
    ({ address, judgement, findings: own }) =>
      `<section><h2>${text(formatAddress(address))} <small>sends</small></h2>\n${loopSvg(judgement)}\n${findingsHtml(own)}</section>`,
  )
  return `<header class="${verdict}">
<h1>${text(target)}</h1>
<p><strong>${verdict}</strong> <span>${text(points)}</span></p>
<p class="faint">Probed as ${text(vantage.ehloName)}${vantage.isConfirmed === true ? '' : ', a name that was not confirmed'}.</p>
</header>
${[...probed, ...senders].join('\n')}
${findings.length === 0 ? '' : `<section><h2>About the target</h2>\n${findingsHtml(findings)}</section>`}`
}

function addressHtml(
  { address, judgement, session, alignment, findings }: ProbedAddress,
  { name, preference }: ProbedHost,
  { transcript }: ProbeHtmlOptions,
): string {
  const from = name === null ? '' : ` <small>${preference === null ? '' : `MX ${String(preference)} `}${text(name)}</small>`
  const rows = session === null ? [['not connected', 'this address was left alone'] as const] : sessionRows(session, true)
  const said = transcript && session !== null ? session.transcript.lines.map(({ hint, text: line }) => `${hint} ${line}`).join('\n') : null
  return `<section>
<h2>${text(formatAddress(address))}${from}</h2>
${loopSvg(judgement)}
<table class="facts"><tbody>
${rows.map(([label, value]) => `<tr><th scope="row">${text(label)}</th><td>${text(value)}</td></tr>`).join('\n')}
</tbody></table>
${matrixHtml(alignment)}
${findingsHtml(findings)}
${said === null ? '' : `<details><summary>Transcript</summary><pre>${said.split('\n').map(escapeForHtml).join('\n')}</pre></details>`}
</section>`
}

function matrixHtml({ layers, pairs }: AlignmentMatrix): string {
  const seen = LAYERS.filter((layer) => layers[layer].kind === 'names')
  const cell = (left: string, right: string): string => {
    const pair = pairs.find(
      (candidate) => (candidate.left === left && candidate.right === right) || (candidate.left === right && candidate.right === left),
    )
    return pair === undefined ? '<td></td>' : `<td class="${pair.alignment}" title="${pair.objection ?? ''}">${SIGNS[pair.alignment]}</td>`
  }
  const rows = seen.map((left) => {
    const names = layers[left]
    const shown = names.kind === 'names' ? names.names.map(argumentText).slice(0, 4).join(', ') : ''
    const cells = seen.map((right) => cell(left, right)).join('')
    return `<tr><th scope="row">${LAYER_WORDS[left]}</th><td>${escapeForHtml(shown === '' ? 'none' : shown)}</td>${cells}</tr>`
  })
  return `<table class="matrix"><caption>Which names agree</caption>
<thead><tr><th></th><th>name</th>${seen.map((layer) => `<th scope="col">${LAYER_WORDS[layer]}</th>`).join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>`
}

const SIGNS = { equal: '=', sameOrganisation: '~', different: '≠', unknown: '?' } as const

/** The worst first, each with what it means and what to do. */
function findingsHtml(findings: readonly Finding[]): string {
  const items = SEVERITY.flatMap((level) => findings.filter((finding) => finding.level === level)).map((finding) => {
    const { explanation, remedy } = CATALOGUE[finding.code]
    const mend = remedy === '' ? '' : `<p><b>To do:</b> ${text(remedy)}</p>`
    const why = explanation.split('\n\n').map((paragraph) => `<p>${text(paragraph)}</p>`)
    return `<li class="${finding.level}"><details><summary><b>${LEVEL_WORDS[finding.level]}</b> ${findingMessage(finding, 'html')} <code>${finding.code}</code></summary>${why.join('')}${mend}</details></li>`
  })
  return items.length === 0 ? '' : `<ul class="findings">\n${items.join('\n')}\n</ul>`
}

const LEVEL_WORDS = { error: 'error', inconclusive: 'unsure', warning: 'warning', notice: 'notice', info: 'fine' } as const

/** Our own texts cite sections with a sign that is not ASCII. */
function text(value: string): string {
  return value.split('§').map(escapeForHtml).join('&sect;')
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--faint:#5b6570;--paper:#fff;--line:#d5dae0;--ok:#1a7f37;--bad:#b3261e;--warn:#8a5a00;--unsure:#6f42c1;--soft:#f4f6f8}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--faint:#9aa4ae;--paper:#14171a;--line:#333a41;--ok:#5bc77a;--bad:#ff8a80;--warn:#e3b341;--unsure:#c6a5ff;--soft:#1d2125}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1rem}footer{max-width:60rem;margin:0 auto;padding:1rem;color:var(--faint);font-size:.85rem}
header{border-left:.4rem solid var(--unsure);padding:.2rem 1rem;margin:1rem 0}header.aligned{border-color:var(--ok)}header.misaligned{border-color:var(--bad)}
h1{margin:0;font-size:1.8rem;overflow-wrap:anywhere}h2{font-size:1.2rem;overflow-wrap:anywhere}small,.faint{color:var(--faint);font-weight:normal}
section{border-top:1px solid var(--line);padding:.5rem 0 1rem;break-inside:avoid}
table{border-collapse:collapse;width:100%;margin:.8rem 0;font-size:.9rem}th{text-align:left;font-weight:600;color:var(--faint);vertical-align:top;white-space:nowrap}
td,th{padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line)}td{overflow-wrap:anywhere}.matrix td,.matrix th{padding:.25rem .4rem;text-align:left}caption{text-align:left;color:var(--faint);padding:.2rem 0}
.equal{color:var(--ok)}.different{color:var(--bad)}.sameOrganisation{color:var(--warn)}.unknown{color:var(--faint)}
ul.findings{list-style:none;padding:0}li{margin:.3rem 0;padding-left:.6rem;border-left:.25rem solid var(--line);overflow-wrap:anywhere}li.error{border-color:var(--bad)}li.warning{border-color:var(--warn)}li.inconclusive{border-color:var(--unsure)}li.info{border-color:var(--ok)}
summary{cursor:pointer}code{color:var(--faint);font-size:.8em}pre{background:var(--soft);padding:.6rem;overflow-x:auto;font-size:.8rem}
svg{max-width:100%;height:auto;margin:.5rem 0}svg text{fill:var(--ink);font:14px ui-monospace,monospace}svg .edge{stroke:var(--faint);fill:none;stroke-width:1.5}svg .good{stroke:var(--ok)}svg .broken{stroke:var(--bad);stroke-dasharray:5 4}svg .unsure{stroke:var(--unsure);stroke-dasharray:2 4}svg rect{fill:var(--soft);stroke:var(--line)}svg .label{fill:var(--faint);font-size:12px}
@media print{body{font-size:11px}details>*{display:block}}
`
