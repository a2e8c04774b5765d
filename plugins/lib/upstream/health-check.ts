import type { Log } from '../../../core/index.ts'
import type { HealthCheckSettings } from './upstream-settings.ts'
import type { UpstreamTarget } from './upstream-target.ts'

/** Asks one upstream how it is, on a connection of its own, without a token. */
export class HealthCheck {
  readonly #service: string
  readonly #settings: HealthCheckSettings
  readonly #target: UpstreamTarget
  readonly #log: Log
  /** Results in a row that say the opposite of `target.healthy`. */
  #against = 0

  constructor(service: string, settings: HealthCheckSettings, target: UpstreamTarget, log: Log) {
    this.#service = service
    this.#settings = settings
    this.#target = target
    this.#log = log
  }

  async run(): Promise<void> {
    const { path, timeout } = this.#settings
    try {
      const status = await this.#target.pool.probe(path, timeout)
      this.#saw(this.#isExpected(status), `status ${status}`)
    } catch (error) {
      this.#saw(false, error instanceof Error ? error.message : String(error))
    }
  }

  #isExpected(status: number): boolean {
    const { expect_status } = this.#settings
    return expect_status.length === 0 ? status >= 200 && status < 300 : expect_status.includes(status)
  }

  #saw(well: boolean, cause: string): void {
    const { unhealthy_threshold, healthy_threshold } = this.#settings
    if (well === this.#target.healthy) {
      this.#against = 0
      return
    }
    if (++this.#against < (well ? healthy_threshold : unhealthy_threshold)) return
    this.#against = 0
    this.#target.healthy = well
    const { index: upstream, url } = this.#target
    const fields = { service: this.#service, upstream, url }
    if (well) this.#log.info(fields, `upstream_healthy service=${this.#service}`)
    else this.#log.warn({ ...fields, cause }, `upstream_unhealthy service=${this.#service}`)
  }
}
