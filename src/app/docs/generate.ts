/**
 * Writes the pages and schemas that come from code, or with `--check` says which of them are out of date (exit 1).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { explainJsonSchemaText } from '../../explain/explanation-json.ts'
import { findingsMarkdown } from '../../findings/markdown.ts'
import { httpCheckSchemaText } from '../../gateway/http-schema.ts'
import { providersMarkdown } from '../../remedy/providers-markdown.ts'
import { parseProviders } from '../../remedy/providers.ts'
import { checkJsonSchemaText } from '../../render/report-schema.ts'
import { packagePath, readPackageFile } from '../package-root.ts'
import { configMarkdown, configSchemaText } from './config-pages.ts'

const PAGES: Readonly<Record<string, () => string>> = {
  'docs/findings.md': findingsMarkdown,
  'docs/check.schema.json': checkJsonSchemaText,
  'docs/explain.schema.json': explainJsonSchemaText,
  'docs/config.md': configMarkdown,
  'docs/config.schema.json': configSchemaText,
  'docs/http-check.schema.json': httpCheckSchemaText,
  'docs/fix-my-ptr.md': () => providersMarkdown(parseProviders(readPackageFile('config/providers.yaml'), 'config/providers.yaml')),
}

const isCheck = process.argv.includes('--check')
for (const [page, generate] of Object.entries(PAGES)) {
  const path = packagePath(page)
  const text = generate()
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (isCheck) {
    process.stderr.write(`${page} is out of date: npm run docs\n`)
    process.exitCode = 1
  } else {
    writeFileSync(path, text)
    process.stdout.write(`${page} written\n`)
  }
}
