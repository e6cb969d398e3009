import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', ['json', { outputFile: 'coverage/results.json' }]],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/app/docs/**', '**/facts.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 85, 'src/{core,iprev,policy}/**': { lines: 95 } },
    },
  },
})
