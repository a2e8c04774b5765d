import { clearTimeout, setTimeout } from 'node:timers'
import type { Log } from '../../../core/index.ts'
import type { OutlierSettings } from './upstream-settings.ts'
import type { UpstreamTarget } from './upstream-target.ts'

/** Leaves an upstream out for a while when requests to it fail in a row; never the last that is fit. */
export class OutlierDetection {
  readonly #service: string
  readonly #settings: OutlierSettings
  readonly #targets: readonly UpstreamTarget[]
  readonly #log: Log
  readonly #timers = new Map<UpstreamTarget, ReturnType<typeof setTimeout>>()

  constructor(service: string, settings: OutlierSettings, targets: readonly UpstreamTarget[], log: Log) {
    this.#service = service
    this.#settings = settings
    this.#targets = targets
    this.#log = log
  }

  failed(target: UpstreamTarget): void {
    target.failures++
    if (target.failures < this.#settings.consecutive_failures || target.ejected || !this.#mayEject(target)) return
    target.ejected = true
    const { index: upstream, url, failures } = target
    const seconds = this.#settings.ejection_time / 1000
    this.#log.warn(
      { service: this.#service, upstream, url, failures, seconds },
      `upstream_ejected service=${this.#service}`,
    )
    this.#timers.set(target, setTimeout(() => this.#restore(target), this.#settings.ejection_time).unref())
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
  }

  /** Its next failure puts it out again at once. */
  #restore(target: UpstreamTarget): void {
    this.#timers.delete(target)
    target.ejected = false
    target.failures = this.#settings.consecutive_failures - 1
    const { index: upstream, url } = target
    this.#log.info({ service: this.#service, upstream, url }, `upstream_restored service=${this.#service}`)
  }

  #mayEject(target: UpstreamTarget): boolean {
    const all = this.#targets.length
    const most = Math.max(1, Math.floor((all * this.#settings.max_ejection_percent) / 100))
    let others = 0
    for (const other of this.#targets) if (other !== target && other.available) others++
    return this.#timers.size < most && others > 0
  }
}
