import { readFileSync } from 'node:fs'
import prettier from 'prettier'
import { describe, expect, it } from 'vitest'
import { providersMarkdown } from '../../src/remedy/providers-markdown.ts'
import { parseProviders } from '../../src/remedy/providers.ts'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const PROVIDERS = parseProviders(read('config/providers.yaml'), 'config/providers.yaml')
const markdown = providersMarkdown(PROVIDERS)

describe('providersMarkdown', () => {
  it('docs/fix-my-ptr.md is what it makes now', () => {
    expect(read('docs/fix-my-ptr.md')).toBe(markdown)
  })

  it('says at the top where it comes from', () => {
    expect(markdown.split('\n')[2]).toContain('Generated from config/providers.yaml')
  })

  it('links every provider from the table to its section', () => {
    for (const { id, name } of PROVIDERS) {
      expect(markdown).toContain(`| [${name}](#${id}) `)
      expect(markdown).toContain(`<a id="${id}"></a>\n\n### ${name}\n`)
    }
  })

  it('leaves no placeholder in a step or command', () => {
    const withoutPatterns = markdown.replaceAll(/^ptrgate recognises .*$/gm, '')
    expect(withoutPatterns).not.toMatch(/\{[a-z]+\}/)
  })

  it('is formatted as the formatter would', async () => {
    const style = JSON.parse(read('.prettierrc.json')) as prettier.Options
    expect(await prettier.format(markdown, { ...style, parser: 'markdown' })).toBe(markdown)
  })
})
