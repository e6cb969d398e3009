import { readFileSync } from 'node:fs'
import prettier from 'prettier'
import { describe, expect, it } from 'vitest'
import { CATALOGUE, FINDING_CODES } from '../../src/findings/catalogue.ts'
import { findingsMarkdown } from '../../src/findings/markdown.ts'

const markdown = findingsMarkdown()

describe('findingsMarkdown', () => {
  it('has one section for every finding, in the order of the catalogue', () => {
    expect(Array.from(markdown.matchAll(/^### (.*)$/gm), (match) => match[1])).toEqual(FINDING_CODES)
  })

  it('links each section from the top by the anchor of its heading', () => {
    const links = Array.from(markdown.matchAll(/\[([A-Z0-9_]+)\]\(#([a-z0-9_]+)\)/g), (match) => [match[1], match[2]])
    expect(links).toEqual(FINDING_CODES.map((code) => [code, code.toLowerCase()]))
  })

  it('gives level, message, explanation and remedy of each', () => {
    for (const code of FINDING_CODES) {
      const { level, message, explanation, remedy } = CATALOGUE[code]
      const start = markdown.indexOf(`### ${code}\n`)
      const following = markdown.slice(start + 4).search(/^##/m)
      const section = (following < 0 ? markdown.slice(start) : markdown.slice(start, start + 4 + following)).replaceAll('\\', '')
      for (const text of [`\`${level}\`: ${message}`, explanation, remedy]) expect(section).toContain(text)
      expect(section.includes('What to do')).toBe(remedy !== '')
    }
  })

  it('is formatted as the formatter would, so that the check of generated docs and of formatting agree', async () => {
    const style = JSON.parse(readFileSync(new URL('../../.prettierrc.json', import.meta.url), 'utf8')) as prettier.Options
    expect(await prettier.format(markdown, { ...style, parser: 'markdown' })).toBe(markdown)
  })
})
