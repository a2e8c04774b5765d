import type { Log, LogSettings, RouteKeys, SectionName } from '../contract.ts'
import type { GivenPlugin } from './given-plugins.ts'
import type { InOrder, StageEntry, StageList } from './stage-list.ts'

/** As in settings.yaml: `30s`, `5m`, `12h`; a bare number is seconds. */
export type Duration = string | number

/** As in settings.yaml: `32KiB`, `10MiB`, `1GiB`; a bare number is bytes. */
export type Size = string | number

/** One of `services`, as in routes.yaml: with `base_url` or with `base_urls`. */
export interface ServiceData {
  readonly base_url?: string
  readonly base_urls?: readonly string[]
  readonly timeout?: Duration
  readonly idle_timeout?: Duration
  readonly connect_timeout?: Duration
  readonly retries?: 0 | 1
  readonly max_in_flight?: number
  readonly max_streams?: number
  readonly outlier_detection?:
    | false
    | {
        readonly consecutive_failures?: number
        readonly ejection_time?: Duration
        readonly max_ejection_percent?: number
      }
  readonly health_check?: {
    readonly path: string
    readonly interval?: Duration
    readonly timeout?: Duration
    readonly expect_status?: number | readonly number[]
    readonly unhealthy_threshold?: number
    readonly healthy_threshold?: number
  }
  /** As text: PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly server_name?: string }
  readonly http2?: boolean
  readonly circuit_breaker?: {
    readonly failure_percent?: number
    readonly minimum_requests?: number
    readonly window?: Duration
    readonly open_time?: Duration
  }
}

/** One of `routes`, as in routes.yaml. Keys that plugins read are checked by those plugins. */
export interface RouteData extends Readonly<Partial<Record<keyof RouteKeys, unknown>>> {
  readonly id: string
  readonly description?: string
  readonly path: string
  readonly methods?: readonly string[]
  readonly hosts?: readonly string[]
  readonly target_service: string
  readonly other_services?: readonly string[]
  readonly upstream_path?: string
  readonly preserve_path?: boolean
  readonly auth?: string
  readonly streaming?: boolean
  readonly websocket?: boolean
  readonly encoded_slash?: 'reject' | 'keep'
  readonly profile?: string
  /** Options by stage, over those of the list. */
  readonly stages?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** The section `server` of settings.yaml. There is no `admin_port`: an embedded bridge has no admin listener. */
export interface ServerData {
  /** For `listen()`. */
  readonly host?: string
  /** For `listen()`. */
  readonly port?: number
  /** The origin users see, whoever listens there; redirects and the CSRF check depend on it. */
  readonly public_url?: string
  /** Other origins beside it, each with logins and sessions of its own. */
  readonly public_urls?: readonly string[]
  readonly trusted_proxies?: readonly string[]
  readonly drain_timeout?: Duration
  /** How long a client may keep the bridge waiting. */
  readonly timeouts?: {
    readonly [K in 'headers' | 'body_idle' | 'send_idle' | 'keep_alive']?: Duration
  }
  /** How much a client may send. */
  readonly limits?: {
    readonly headers?: Size
    readonly header_fields?: number
    readonly path?: Size
    readonly target?: Size
    readonly body?: Size | null
    readonly connections?: number
  }
}

/** pino, or anything that takes its calls. */
export type Logger = Pick<Log, 'debug' | 'info' | 'warn' | 'error'>

/** A config directory as data. Nothing is replaced in it: `${NAME}` and `file:` are errors, so that neither passes for a secret. */
export interface BasculeConfig {
  readonly stages: StageList
  readonly services?: Readonly<Record<string, ServiceData>>
  readonly routes: readonly RouteData[]
  /** The sections of settings.yaml that plugins read: `auth`, `session`, `service_audiences`… */
  readonly settings?: { readonly [K in SectionName]?: unknown }
  readonly server?: ServerData
  /** The section `log` of settings.yaml, for lines on stdout; or a logger of your own, which gets fields and a message. */
  readonly log?: Partial<LogSettings> | Logger
  /** What `stages` is called in messages and in plans; `main` unless said. */
  readonly profile?: string
  /** More profiles, for routes that name one; each as in profiles/NAME.yaml. */
  readonly profiles?: Readonly<Record<string, object>>
  /** Plugins that config names: session stores, minters, endpoints that a stage brings. An object, or `./file.ts`. */
  readonly plugins?: Readonly<Record<string, GivenPlugin | string>>
  /** What `./file.ts` is relative to; the current directory unless said. */
  readonly dir?: string | URL
}

/** A config whose stages stand in an order that the compiler has proven; see `InOrder`. */
export interface BasculeOptions<L extends StageList = readonly StageEntry[]> extends BasculeConfig {
  readonly stages: L & InOrder<L>
}

export function isLogger(log: BasculeConfig['log']): log is Logger {
  return log !== undefined && 'info' in log && typeof log.info === 'function'
}
