/**
 * The loop as a picture for a page: address → PTR name → address, and the name that the server claims beside it. Whole lines lead
 * where they should; broken ones do not, and dotted ones could not be told.
 */
import { formatAddress } from '../core/address.ts'
import type { ClientJudgement } from '../engine/judge.ts'
import { escapeForHtml } from '../render/escape.ts'
import { argumentText } from '../render/finding-text.ts'

const WIDTH = 760
const BOX_WIDTH = 330
const BOX_HEIGHT = 34
const RIGHT = WIDTH - BOX_WIDTH - 2
/** In the letters of the picture's font; what is longer is cut, since the whole name stands in the table. */
const MOST_LETTERS = 37

type Line = 'good' | 'broken' | 'unsure'

export function loopSvg({
  iprev,
  helo,
  confirmedName,
  findings,
}: Pick<ClientJudgement, 'iprev' | 'helo' | 'confirmedName' | 'findings'>): string {
  const ip = formatAddress(iprev.address)
  const name = confirmedName ?? iprev.names[0]?.name
  const ptr: Line = name !== undefined ? 'good' : iprev.result === 'temperror' ? 'unsure' : 'broken'
  const back: Line = iprev.result === 'pass' ? 'good' : iprev.result === 'temperror' ? 'unsure' : 'broken'
  const claimed = helo?.claimedName
  const isAligned = findings.some(({ code }) => code === 'HELO_ALIGNED')
  const hello: Line = isAligned ? 'good' : helo?.resolution.kind === 'unknown' ? 'unsure' : 'broken'
  const height = claimed === undefined ? 90 : 160
  const words = `${ip}, PTR ${name ?? 'none'}, ${back === 'good' ? 'leads back' : back === 'unsure' ? 'could not be told' : 'does not lead back'}`
  return `<svg viewBox="0 0 ${String(WIDTH)} ${String(height)}" role="img" aria-label="${escapeForHtml(words)}">
${box(1, 28, ip)}${box(RIGHT, 28, name === undefined ? 'no PTR name' : argumentText(name))}
${edge(`M${String(BOX_WIDTH + 3)} 38 H${String(RIGHT - 4)}`, ptr)}${label(WIDTH / 2, 32, 'PTR')}
${name === undefined ? '' : `${edge(`M${String(RIGHT - 4)} 54 H${String(BOX_WIDTH + 3)}`, back)}${label(WIDTH / 2, 70, iprev.address.family === 4 ? 'A' : 'AAAA')}`}
${claimed === undefined ? '' : `${box(RIGHT, 108, argumentText(claimed))}${edge(`M${String(RIGHT + BOX_WIDTH / 2)} 64 V106`, hello)}${label(RIGHT + BOX_WIDTH / 2 + 26, 90, 'EHLO')}`}
</svg>`
}

function box(x: number, y: number, content: string): string {
  const shown = content.length > MOST_LETTERS ? `${content.slice(0, MOST_LETTERS - 3)}...` : content
  return `<rect x="${String(x)}" y="${String(y)}" width="${String(BOX_WIDTH)}" height="${String(BOX_HEIGHT)}" rx="6"/><text x="${String(x + 10)}" y="${String(y + 22)}">${escapeForHtml(shown)}</text>`
}

function edge(path: string, line: Line): string {
  return `<path class="edge ${line}" d="${path}"/>`
}

function label(x: number, y: number, content: string): string {
  return `<text class="label" x="${String(x)}" y="${String(y)}" text-anchor="middle">${content}</text>`
}
