// A service as the forwarding stage needs it: plain data with every default filled in, so that equal settings share their connections and state.
import type { Service, ServiceTls } from '../../../core/index.ts'

export interface OutlierSettings {
  readonly consecutive_failures: number
  readonly ejection_time: number
  readonly max_ejection_percent: number
}

export interface HealthCheckSettings {
  readonly path: string
  readonly interval: number
  readonly timeout: number
  /** Empty: any from 200 to 299. */
  readonly expect_status: readonly number[]
  readonly unhealthy_threshold: number
  readonly healthy_threshold: number
}

export interface BreakerSettings {
  readonly failure_percent: number
  readonly minimum_requests: number
  readonly window: number
  readonly open_time: number
}

export interface UpstreamSettings {
  readonly name: string
  readonly urls: readonly string[]
  readonly connect_timeout: number
  readonly retries: number
  readonly max_in_flight: number
  readonly max_streams: number
  readonly outlier_detection: OutlierSettings | null
  readonly health_check: HealthCheckSettings | null
  readonly circuit_breaker: BreakerSettings | null
  readonly tls: ServiceTls | null
  readonly http2: boolean
}

export function upstreamSettings(service: Service): UpstreamSettings {
  const { name, base_url, base_urls = [base_url], timeout, health_check, circuit_breaker } = service
  return {
    name,
    urls: base_urls,
    connect_timeout: Math.min(service.connect_timeout ?? 2_000, timeout),
    retries: service.retries ?? 1,
    max_in_flight: service.max_in_flight ?? 256,
    // A stream holds its place for hours: counted among the calls, a few hundred readers would shut them out.
    max_streams: service.max_streams ?? 4_096,
    outlier_detection: outlierSettings(service, base_urls.length),
    health_check: health_check ? healthCheckSettings(health_check) : null,
    circuit_breaker: circuit_breaker ? breakerSettings(circuit_breaker) : null,
    tls: service.tls ?? null,
    http2: service.http2 ?? false,
  }
}

function outlierSettings({ outlier_detection: given = {} }: Service, urls: number): OutlierSettings | null {
  if (given === false || urls === 1) return null
  const { consecutive_failures = 5, ejection_time = 30_000, max_ejection_percent = 50 } = given
  return { consecutive_failures, ejection_time, max_ejection_percent }
}

function healthCheckSettings(given: NonNullable<Service['health_check']>): HealthCheckSettings {
  const { path, interval = 10_000, timeout = 2_000, unhealthy_threshold = 2, healthy_threshold = 1 } = given
  const expect_status = [given.expect_status ?? []].flat()
  return { path, interval, timeout, expect_status, unhealthy_threshold, healthy_threshold }
}

function breakerSettings(given: NonNullable<Service['circuit_breaker']>): BreakerSettings {
  const { failure_percent = 50, minimum_requests = 20, window = 10_000, open_time = 10_000 } = given
  return { failure_percent, minimum_requests, window, open_time }
}
