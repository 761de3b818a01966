import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Every metric of ours begins so. */
export type MetricName = `signalbox_${string}`

export interface MetricOptions<Label extends string> {
  readonly name: MetricName
  readonly help: string
  /** Labels have few values each: never an id of a tenant, event or URL. */
  readonly labels?: readonly Label[]
}

export interface CounterOptions<Label extends string> extends MetricOptions<Label> {
  /** Gives what was counted elsewhere since the start; asked when the counter is read. */
  readonly read?: () => number
}

export interface GaugeOptions<Label extends string> extends MetricOptions<Label> {
  /** Sets the gauge when it is read. When it throws, the last values are shown. */
  readonly collect?: (gauge: Gauge<Label>) => Promise<void> | void
}

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  /** Upper bounds in the unit of the name, in rising order. */
  readonly buckets?: readonly number[]
}

export interface Metrics {
  counter<Label extends string = never>(options: CounterOptions<Label>): Counter<Label>
  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label>
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label>
  /** The text that Prometheus scrapes. */
  expose(): Promise<{ contentType: string; body: string }>
}

/** From 1 ms to 1 h: a delivery takes milliseconds when all is well and hours when its receiver was down. */
export const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600,
] as const

/** Makes the metrics of one process, in a registry of their own. */
export function createMetrics({ service }: { readonly service: string }): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry, prefix: 'signalbox_' })
  const base = <Label extends string>({ name, help, labels = [] }: MetricOptions<Label>) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter<Label extends string>(options: CounterOptions<Label>): Counter<Label> {
      const { read } = options
      if (read === undefined) return new Counter(base(options))
      return new Counter<Label>({
        ...base(options),
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    },
    gauge<Label extends string>(options: GaugeOptions<Label>): Gauge<Label> {
      const { collect } = options
      if (collect === undefined) return new Gauge(base(options))
      return new Gauge<Label>({
        ...base(options),
        async collect() {
          // One gauge that can't be read must not take the others with it.
          await (async () => collect(this))().catch(() => undefined)
        },
      })
    },
    histogram: (options) => new Histogram({ ...base(options), buckets: [...(options.buckets ?? SECONDS_BUCKETS)] }),
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}
