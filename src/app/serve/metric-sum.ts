/**
 * The metrics of several processes as one. What a process that has died had counted is kept, so that no counter goes back;
 * what it last measured (sessions, memory) is forgotten.
 */
import { AggregatorRegistry, type Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client'

/** As prom-client gives it, and as it can be sent to another process. */
export type MetricSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[]

export class MetricSum {
  #departed: MetricSnapshot = []

  /** The last that is known of a process that is no more. */
  async keep(last: MetricSnapshot): Promise<void> {
    this.#departed = await sumOf([this.#departed, last.filter(({ type }) => CUMULATIVE.has(String(type)))]).getMetricsAsJSON()
  }

  async text(snapshots: readonly MetricSnapshot[]): Promise<{ readonly contentType: string; readonly text: string }> {
    const sum = sumOf([...snapshots, this.#departed])
    return { contentType: sum.contentType, text: await sum.metrics() }
  }
}

const CUMULATIVE: ReadonlySet<string> = new Set(['counter', 'histogram'])

function sumOf(snapshots: readonly MetricSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]))
}
