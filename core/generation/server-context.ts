import type { Log } from '../contract.ts'
import { CoreMetrics } from '../metrics/core-metrics.ts'
import { addProcessMetrics } from '../metrics/process-metrics.ts'
import { MetricRegistry } from '../metrics/registry.ts'
import { SharedResources } from '../resources/shared-resources.ts'
import { TraceHub } from '../trace/trace.ts'

/** What all generations of a process share. */
export class ServerContext {
  readonly log: Log
  readonly traces: TraceHub
  readonly shared = new SharedResources()
  readonly registry = new MetricRegistry()
  readonly metrics = new CoreMetrics(this.registry)

  constructor(log: Log, traces = new TraceHub()) {
    this.log = log
    this.traces = traces
    addProcessMetrics(this.registry)
    this.metrics.read('trace_subscribers', 'Who watches the live trace.', () => traces.size)
  }
}
