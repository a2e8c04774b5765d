import type {
  Host,
  KindName,
  Kinds,
  Log,
  LogSettings,
  Metrics,
  Route,
  Section,
  Sections,
  ServerSettings,
  Service,
  Shared,
} from '../../core/index.ts'
import { MetricRegistry } from '../../core/metrics/registry.ts'
import { sections } from '../../plugins/lib/settings/settings.ts'
import { MemoryStore } from '../../plugins/session-store/memory.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'line'
  readonly fields: Readonly<Record<string, unknown>>
  readonly msg: string
}

interface Given {
  readonly routes?: readonly Route[]
  readonly server?: Partial<ServerSettings>
  readonly log?: Partial<LogSettings>
  /** Section `session` as a file would have it. */
  readonly session?: unknown
}

export function service(base_url: string, more: Partial<Service> = {}): Service {
  return { name: 'api', base_url, timeout: 5_000, idle_timeout: 5_000, ...more }
}

export function route(path: string, more: Partial<Route> = {}): Route {
  return {
    id: `${more.id ?? path}`,
    from: 'routes.yaml',
    path,
    auth: 'none',
    target_service: 'api',
    upstream_path: path.endsWith('*') ? `${path.slice(0, -1)}{path}` : path,
    preserve_path: false,
    encoded_slash: 'reject',
    websocket: false,
    streaming: false,
    at: 'routes.yaml:1:1',
    service: service('http://upstream.test'),
    ...more,
  }
}

/** A host outside core. `lines` is what was logged, `close` runs the closers. */
export class FakeHost implements Host<undefined> {
  readonly options = undefined
  readonly configDir = '/config'
  readonly routes: readonly Route[]
  readonly services: Readonly<Record<string, Service>> = {}
  readonly server: ServerSettings
  readonly logSettings: LogSettings
  readonly lines: LogLine[] = []
  readonly #session: unknown
  readonly #closers: (() => unknown)[] = []

  constructor({ routes = [], server, log, session }: Given = {}) {
    this.routes = routes
    this.server = {
      host: '127.0.0.1',
      port: 8080,
      public_url: 'http://localhost:8080',
      public_urls: [],
      trusted_proxies: [],
      admin_port: 9090,
      drain_timeout: 1_000,
      ...server,
    }
    this.logSettings = { level: 'info', format: 'json', ...log }
    this.#session = session
  }

  get log(): Log {
    const at = (level: LogLine['level']) => (fields: object, msg: string) => {
      this.lines.push({ level, fields: fields as LogLine['fields'], msg })
    }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      line: (text) => this.lines.push({ level: 'line', fields: JSON.parse(text) as LogLine['fields'], msg: text }),
    }
  }
  readonly metrics: Metrics = new MetricRegistry().ownedBy('fake')

  section<K extends keyof Sections & string>(name: K): Sections[K] {
    const section = (sections as { readonly [S in keyof Sections]?: Section<Sections[S]> })[name]
    const result = section?.schema['~standard'].validate(name === 'session' ? this.#session : undefined)
    if (result === undefined || result instanceof Promise || result.issues)
      throw new Error(`section ${name} is not valid`)
    return result.value
  }
  /** A session store in memory, and nothing else. */
  async use<K extends KindName>(kind: K): Promise<Kinds[K]> {
    if (kind === 'session-store') return new MemoryStore() as unknown as Kinds[K]
    throw new Error(`no ${kind} here`)
  }
  async shared<S, T>(what: Shared<S, T>, settings: S): Promise<T> {
    const made = await what.open(settings, this)
    this.onClose(() => what.close?.(made))
    return made
  }
  every(): void {}
  listen(): Promise<never> {
    return Promise.reject(new Error('no listeners here'))
  }
  agent(): never {
    throw new Error('no agents here')
  }
  background(): void {}
  onClose(fn: () => unknown): void {
    this.#closers.push(fn)
  }
  async close(): Promise<void> {
    for (const fn of this.#closers.reverse()) await fn()
  }
}
