import { readdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import type { CoreMetrics } from './core-metrics.ts'
import type { MetricRegistry } from './registry.ts'

const BEAT_MS = 100
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/** The usual numbers of a process, under the names that dashboards know; each is asked for when it is read. */
export function addProcessMetrics(registry: MetricRegistry): void {
  const own = registry.ownedBy('process')
  const start = Date.now() / 1_000 - process.uptime()
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  own.counter({ name: 'cpu_seconds_total', help: 'CPU time spent, user and system.', read: cpu })
  own.gauge({ name: 'start_time_seconds', help: 'When the process began, in Unix time.', read: () => start })
  own.gauge({ name: 'resident_memory_bytes', help: 'Memory held.', read: () => process.memoryUsage().rss })
  own.gauge({ name: 'heap_bytes', help: 'JavaScript heap in use.', read: () => process.memoryUsage().heapUsed })
  const descriptors = '/proc/self/fd'
  if (countOf(descriptors) !== undefined)
    own.gauge({ name: 'open_fds', help: 'Open file descriptors.', read: () => countOf(descriptors) ?? Number.NaN })
}

/** Another system, or not allowed to look: then there is no such number. */
function countOf(folder: string): number | undefined {
  try {
    return readdirSync(folder).length
  } catch {
    return undefined
  }
}

/** How late the event loop comes to what is due. Ten looks a second. */
export function measureLoopLag(core: CoreMetrics): () => void {
  const lag = core.histogram(
    'event_loop_lag_seconds',
    'How late a timer fires: what every request waits for.',
    LAG_BUCKETS,
  )
  let due = performance.now() + BEAT_MS
  const timer = setInterval(() => {
    const now = performance.now()
    lag.observe(Math.max(0, now - due) / 1_000)
    due = now + BEAT_MS
  }, BEAT_MS)
  timer.unref()
  return () => clearInterval(timer)
}
