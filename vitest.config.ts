import { defineConfig } from 'vitest/config'
import { SkipReporter } from './test/support/skip-reporter.ts'

/** `.ci/run` reads its closing count from here. */
const resultsFile: ['json', { outputFile: string }][] =
  process.env['CI'] === undefined ? [] : [['json', { outputFile: 'coverage/results.json' }]]

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: ['default', new SkipReporter(), ...resultsFile],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/app/docs/**', '**/facts.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 85, 'src/{core,iprev,policy}/**': { lines: 95 } },
    },
  },
})
