import { describe, expect, it } from 'vitest'
import { configKeys } from '../../../src/app/config/config-keys.ts'
import { configMarkdown, configSchemaText } from '../../../src/app/docs/config-pages.ts'
import { readPackageFile } from '../../../src/app/package-root.ts'

describe('docs/config.md', () => {
  const page = configMarkdown()

  it('is what the schema says', () => {
    expect(readPackageFile('docs/config.md')).toBe(page)
  })

  it('has a row for every key, in the table of its section', () => {
    const tables = new Map(page.split(/^## /m).map((part) => [part.split('\n', 1)[0], part]))
    for (const { section, name, listenerKind } of configKeys()) {
      const heading = section === '' ? 'At the top' : `\`${section}\`${listenerKind === undefined ? '' : `, kind ${listenerKind}`}`
      const table = tables.get(heading)
      if (table?.includes('The same keys as in `policy.rules`.') !== true) expect(table).toContain(`| \`${name}\``)
    }
  })

  it('tells defaults as they are written', () => {
    expect(page).toMatch(/\| `deadlineMs` +\| whole number, 1 to 60000 +\| `5000` +\|/)
    expect(page).toMatch(/\| `nextHop` +\| text +\| _required_ +\|/)
    expect(page).toMatch(/\| `listeners` +\| list of entries +\| milter, policy, http +\|/)
  })
})

describe('docs/config.schema.json', () => {
  it('is what the schema says', () => {
    expect(readPackageFile('docs/config.schema.json')).toBe(configSchemaText())
  })
})
