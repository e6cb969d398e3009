/** What a benchmark found: a figure, the bound that it is held against, and how it is shown. */
export interface Measurement {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** `atLeast` for rates and ratios, `atMost` for costs. */
  readonly bound: { readonly kind: 'atLeast' | 'atMost'; readonly value: number }
  /** What the figure was made of, for the curious and the JSON. */
  readonly details: Readonly<Record<string, number | readonly number[]>>
}

export function holds({ value, bound }: Measurement): boolean {
  return bound.kind === 'atLeast' ? value >= bound.value : value <= bound.value
}

export function formatTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => [
    measurement.name,
    `${readable(measurement.value)} ${measurement.unit}`.trim(),
    `${measurement.bound.kind === 'atLeast' ? '>=' : '<='} ${readable(measurement.bound.value)}`,
    holds(measurement) ? 'yes' : 'NO',
  ])
  const all = [['what', 'measured', 'bound', 'held'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? NaN
}

function readable(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
}
