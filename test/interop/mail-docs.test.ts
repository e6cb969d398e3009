/**
 * The configs that docs/postfix.md and docs/sendmail.md show are ones that `ptrgate serve` takes. Their other snippets are what the
 * servers in containers run with.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config/read-config.ts'

describe.each(['postfix.md', 'sendmail.md'])('docs/%s', (page) => {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  const configs = [...text.matchAll(/^```yaml (\S+)\n(.*?)^```$/gms)].map(([, id = '', config = '']) => [id, config] as const)

  it.each(configs)('%s is valid', (_id, config) => {
    expect(readConfig(config, page)).toMatchObject({ kind: 'config' })
  })

  it.each([...text.matchAll(/`(policy: \{[^`]*\})`/g)].map(([, policy = '']) => policy))('%s is valid', (policy) => {
    expect(readConfig(policy, page)).toMatchObject({ kind: 'config' })
  })
})
