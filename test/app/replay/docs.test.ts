import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../../src/app/config/read-config.ts'
import { MAX_CLIENTS } from '../../../src/app/replay/client-table.ts'
import { MAX_LINE_OCTETS } from '../../../src/app/replay/read-lines.ts'

const guide = readFileSync(new URL('../../../docs/replay.md', import.meta.url), 'utf8')
const blocks = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text)
const cells = [...guide.matchAll(/\| `(policy: [^`]*)`\s+\|/g)].map(([, text = '']) => text)

describe('docs/replay.md', () => {
  it.each([...blocks, ...cells])('%s is a valid config', (text) => {
    expect(readConfig(text, 'ptrgate.yaml')).toMatchObject({ kind: 'config' })
  })

  it('shows configs, and names the bounds that hold', () => {
    expect(blocks.length + cells.length).toBe(8)
    expect(guide).toContain(`${MAX_CLIENTS / 1000},000 different clients`)
    expect(guide).toContain(`${MAX_LINE_OCTETS / 1024} KiB`)
  })
})
