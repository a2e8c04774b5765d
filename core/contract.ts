// The plugin contract: everything a stage, an endpoint or a service may say to the host, and hear from it.
// Types only. docs/write-a-plugin.md is the tutorial, docs/life-of-a-request.md the order of events.
import type { AddressInfo, Server as NetServer } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Agent } from 'undici'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** A value, or a promise of it where it has to be waited for. Callers look before they wait: a hot path pays for no promise. */
export type Sometimes<T> = T | Promise<T>

/** name, value, name, value…: as on the wire, order, case and repeats kept. */
export type RawHeaders = string[]

// ───────────────────────── words that plugins add to ─────────────────────────

/**
 * What stages hand on. Core declares `route` and `service`; every plugin merges its own into this interface.
 * The request to send is a slot too (`upstream`, given by header-inject, needed by forward): so no profile can
 * forward the client's headers as they came.
 */
export interface Slots {
  route: Route
  /** Name of the service that this request goes to, where a stage chose: `target_service`, or one of `other_services`. Before token-resolve. */
  service: string
}
/** Name of a slot: what `needs`, `wants` and `provides` list. */
export type SlotName = keyof Slots & string

/** Keys of a route in routes.yaml that a plugin reads (see `Base.routeKeys`). Plugins merge theirs. */
export interface RouteKeys {}

/** Top-level sections of settings.yaml that a plugin reads (see `Base.sections`). Plugins merge theirs. */
export interface Sections {}
/** Name of a section of settings.yaml that a loaded plugin reads. */
export type SectionName = keyof Sections & string

/** Kinds of services that plugins use by name. Core knows no session store and no minter: plugins merge those in. */
export interface Kinds {
  'log-sink': LogSink
}
/** Kind of a service: the first argument of `host.use`. */
export type KindName = keyof Kinds & string

/** How config names a plugin: `memory`, `./file.ts`, or `{use: NAME, with: {…}}`. */
export type PluginRef = string | { readonly use: string; readonly with?: Readonly<Record<string, unknown>> }

/** One of `services` in routes.yaml. Times in milliseconds; what is absent is as docs/configuration.md says. */
export interface Service {
  readonly name: string
  /** Absolute http(s) URL; its path, if any, is put before every upstream path. Never ends with a slash. Where there are several, the first. */
  readonly base_url: string
  /** All of them, where there are several. */
  readonly base_urls?: readonly string[]
  /** From the request's dispatch to the head of the answer. */
  readonly timeout: number
  /** Between two pieces of the body. */
  readonly idle_timeout: number
  readonly connect_timeout?: number
  /** How often a request that failed may be sent again: 0 or 1. */
  readonly retries?: number
  /** Requests under way at a time; more are refused. */
  readonly max_in_flight?: number
  /** The same for routes with `streaming`. */
  readonly max_streams?: number
  readonly outlier_detection?: OutlierDetection | false
  readonly health_check?: HealthCheck
  readonly circuit_breaker?: CircuitBreaker
  readonly tls?: ServiceTls
  /** Spoken without asking first: over TLS by ALPN, over plain TCP with prior knowledge. */
  readonly http2?: boolean
}

/** PEM text. The certificate of an upstream is always verified. */
export interface ServiceTls {
  /** Instead of the authorities that the runtime trusts. */
  readonly ca?: string | undefined
  /** What the bridge shows of itself. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Asked for by SNI, and what the certificate must be for; the host of the URL unless said. */
  readonly server_name?: string | undefined
}

/** When an upstream that fails is left out, and for how long. */
export interface OutlierDetection {
  readonly consecutive_failures?: number
  readonly ejection_time?: number
  readonly max_ejection_percent?: number
}

/** A request of our own that tells whether an upstream is well. */
export interface HealthCheck {
  /** Of the origin; the path of `base_url` is not put before it. */
  readonly path: string
  readonly interval?: number
  readonly timeout?: number
  /** Absent: any from 200 to 299. */
  readonly expect_status?: number | readonly number[]
  readonly unhealthy_threshold?: number
  readonly healthy_threshold?: number
}

/** When a service that fails is not asked at all, and for how long. */
export interface CircuitBreaker {
  readonly failure_percent?: number
  readonly minimum_requests?: number
  readonly window?: number
  readonly open_time?: number
}

/** One route, of routes.yaml or of an endpoint. Frozen. `auth` is a word that some stage in the program must `guard`. */
export interface Route extends Readonly<RouteKeys> {
  readonly id: string
  readonly from: 'routes.yaml' | 'endpoint'
  /** Pattern: exact, trailing `*`, or `{name}` segments. */
  readonly path: string
  /** Absent: all. */
  readonly methods?: readonly string[]
  /** Absent: any. Lower case. */
  readonly hosts?: readonly string[]
  readonly auth: string
  /** The name in `services`; empty on an endpoint. */
  readonly target_service: string
  /** Services that a stage may choose instead. Absent: none. */
  readonly other_services?: readonly string[]
  /** What `target_service` names; absent on an endpoint. */
  readonly service?: Service
  /** Template of the path to send; absent with `preserve_path`, or on an endpoint. */
  readonly upstream_path?: string
  readonly preserve_path: boolean
  readonly encoded_slash: 'reject' | 'keep'
  readonly websocket: boolean
  readonly streaming: boolean
  /** FILE:LINE:COLUMN of its definition. */
  readonly at: string
}

/** Why something failed, and on which side. Compared by `code`, never by text. */
export interface Fault extends Error {
  readonly code: string
  readonly status: number
  readonly side: 'client' | 'upstream' | 'host'
}

// ──────────────────────────────── verdicts ────────────────────────────────

declare const verdict: unique symbol
/** Go on to the next stage. Made by `x.proceed`. */
export interface Proceed {
  readonly [verdict]: 'proceed'
}
/** Answer now. Made by `x.reply`. */
export interface Reply {
  readonly [verdict]: 'reply'
}
/** The source answers. Made by `x.stream`. */
export interface Stream {
  readonly [verdict]: 'stream'
}
/** What `run` must return, once: a terminal stage streams or replies, any other proceeds or replies. */
export type Verdict<K extends Role = Role> = K extends 'terminal' ? Stream | Reply : Proceed | Reply

/** What `x.reply` takes beside status and code. */
export interface ReplyExtra {
  readonly headers?: RawHeaders
  /** Without one, a status from 400 up is sent as `application/problem+json` (RFC 9457). */
  readonly body?: string | Uint8Array
  /** A sentence for people, in the problem's `detail`. No secret, no internal address. */
  readonly detail?: string
  /** One word of a closed list that says why: in the problem and in the log. */
  readonly reason?: string
  /** More members of the problem, e.g. `login_url`. */
  readonly members?: Readonly<Record<string, unknown>>
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number
  /** For the log only; never sent. */
  readonly cause?: unknown
}

// ──────────────────────────────── exchange ────────────────────────────────

/** As RFC 9110 §2.5 writes it. */
export type HttpVersion = '1.0' | '1.1' | '2.0'

/** One request as one stage may see it. Never pooled. What is marked lazy costs nothing unread. */
export interface Exchange<N extends SlotName = never, W extends SlotName = never, P extends SlotName = never> {
  /** The correlation id: the client's `X-Correlation-ID` where it is sane, else a new one. */
  readonly id: string
  readonly method: string
  /** Origin form, byte for byte. There is no URL object: `new URL` resolves dot segments, so a stage and the upstream would see two paths. */
  readonly target: string
  /** Lazy. The target up to `?`. */
  readonly path: string
  /** Lazy. `?…`, or empty. */
  readonly query: string
  /** Of this hop alone: what a service is asked in is its own setting. */
  readonly httpVersion: HttpVersion
  readonly upgrade: boolean
  readonly rawHeaders: RawHeaders
  /** The first value. The name in lower case. A scan of rawHeaders; no object is built. */
  header(name: Lowercase<string>): string | undefined
  /** All values: two session cookies in one request are an attack, not a list. */
  headerAll(name: Lowercase<string>): readonly string[]
  /** Copied at the start: a socket forgets its peer when it closes. */
  readonly client: { readonly ip: string; readonly port: number; readonly tls: boolean }
  readonly body: Body
  /** Lazy. Aborted when the request ends without being completed; never on a completed one. */
  readonly signal: AbortSignal
  /** A slot this stage `needs`. */
  get<K extends N>(slot: K): Slots[K]
  /** A slot this stage `needs` or `wants`; undefined while nobody gave it. */
  peek<K extends N | W>(slot: K): Slots[K] | undefined
  /** Exactly one verdict a `run`, given once and returned: two (a denial that was not returned) or none is 500 INTERNAL. */
  proceed(...values: [P] extends [never] ? [] : [values: { readonly [K in P]: Slots[K] }]): Proceed
  reply(status: number, code: string, extra?: ReplyExtra): Reply
  stream(source: Source): Stream
  /** Ends the exchange from outside `run`, at any time until it ended: session gone, drain over. First word wins. */
  cancel(fault: Fault): void
}

/** The client's body. Nothing is read, and no `100 Continue` is sent, before someone asks. */
export interface Body {
  readonly kind: 'none' | 'stream' | 'buffered'
  /** For filters that must look inside. Rejects with BODY_TOO_LARGE. Afterwards `kind` is 'buffered' and forward sends these bytes. */
  bytes(max: number): Promise<Uint8Array>
  /** Ends the request with BODY_TOO_LARGE at the first byte beyond so many, whoever reads it. Of several limits the lowest counts. */
  limit(max: number): void
  /** For the terminal stage, once. Counts bytes; never destroys the client's socket; core drains or closes what is left unread. */
  take(): Readable | Uint8Array | null
}

// ──────────────────────────── answer: Source → Sink ────────────────────────────

/** Core's side: the only writer. After end, fail, upgraded or Source.stop every call is ignored and returns false. No method throws. */
export interface Sink {
  readonly open: boolean
  /** 102/103 only; 100 is core's, 101 is `upgraded`. */
  inform(status: 102 | 103, headers: RawHeaders): void
  /** Once, before chunks. Runs the response hooks, strips hop-by-hop, sets framing. false: wait for room(). */
  head(status: number, headers: RawHeaders, reason?: string): boolean
  /** false: wait for room(). The bytes are taken either way. */
  chunk(bytes: Uint8Array): boolean
  end(trailers?: RawHeaders): void
  /**
   * 101, in answer to a WebSocket handshake whose `Sec-WebSocket-Accept` is among the headers. Core owns both sockets from here: relays,
   * half-closes, counts, ends. Undefined: there is no one left to upgrade, or this was no answer to the handshake; `upstream` was destroyed.
   */
  upgraded(headers: RawHeaders, upstream: Duplex): Upgraded | undefined
  /**
   * Before the head: a problem. If the client's own upload died first, the outcome is aborted, not failed.
   * After the head: the connection is reset (RST, not FIN), so that no client takes a torn body for a whole one.
   */
  fail(fault: Fault): void
}

/** An upgraded connection, while it lasts. */
export interface Upgraded {
  /** Frames of data that the client sent so far. Pings and pongs are none: a browser answers those while nobody is there. */
  readonly clientMessages: number
}

/** What the terminal stage hands over. May be the same object as undici's dispatch handler: one allocation a request. */
export interface Source {
  start(sink: Sink): void
  room(): void
  /** Let go of everything; idempotent; may come before the upstream connection exists. Core does not wait for it, and has closed the sink before: undici's abort calls onError from inside. */
  stop(reason: Fault): void
  /** What a trace shows of it once it has ended. No secret, no internal address. */
  toJSON?(): Readonly<Record<string, unknown>>
}

/**
 * What response hooks edit. Synchronous: what needs waiting belongs in `run`. Writes to content-length,
 * transfer-encoding, connection and other framing names throw. A hook that throws: 500, source stopped, no hooks on that 500.
 */
export interface Head {
  status: number
  readonly headers: {
    get(name: Lowercase<string>): string | undefined
    set(name: string, value: string): void
    append(name: string, value: string): void
    delete(name: Lowercase<string>): void
    /** The live array: name, value, name, value… */
    readonly raw: RawHeaders
  }
  /** Whose words these are: a cookie filter treats its own and the upstream's differently. */
  readonly by: 'upstream' | 'stage' | 'core'
}

/** How a request ended: what `settled` gets, and what the access line is made of. */
export interface Outcome {
  readonly result: 'completed' | 'rejected' | 'failed' | 'aborted' | 'upgraded'
  /** What was put on the wire; null: nothing. */
  readonly status: number | null
  /** The stage that gave the last verdict; `core` for what core itself refused. */
  readonly stage: string
  /** `OK` where a source or a reply below 400 answered, else the error's code. */
  readonly code: string
  readonly reason: string | undefined
  readonly fault: Fault | undefined
  readonly ms: number
  readonly bytesIn: number
  readonly bytesOut: number
}

// ──────────────────────────────── the host ────────────────────────────────

/** The process's log: one object a line, `msg` its event and a sentence. Fields are in snake_case; none may hold a secret. */
export interface Log {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
  /** A finished line without its newline, on the same stream, unjudged by level: for whoever compiles its own serialiser. */
  line(text: string): void
}

/** Only ever grows. */
export interface Counter {
  /** By one unless said; what is not positive counts as nothing. */
  inc(by?: number): void
}
/** A number that goes up and down. */
export interface Gauge {
  set(value: number): void
  inc(by?: number): void
  dec(by?: number): void
}
/** Counts observations by size. */
export interface Histogram {
  /** In the metric's unit: seconds, bytes. */
  observe(value: number): void
}

/** `name`: lower case and `_`; the plugin's own name and `_` are put before it. Prometheus' rules for units hold: seconds, bytes. */
export interface MetricSpec<L extends string> {
  readonly name: string
  /** A sentence for who reads it in a year. */
  readonly help: string
  /** Fixed for good. Their values must be few: past 1,000 sets of them the rest are counted under `other`. */
  readonly labels?: readonly L[]
}
/** The name ends in `_total`. */
export interface CounterSpec<L extends string> extends MetricSpec<L> {
  /** Without labels: asked at each reading. */
  read?(): number
}
/** A gauge to be made. */
export interface GaugeSpec<L extends string> extends MetricSpec<L> {
  /** Without labels: asked at each reading. */
  read?(): number
}
/** A histogram to be made. */
export interface HistogramSpec<L extends string> extends MetricSpec<L> {
  /** Upper bounds, growing; seconds from 0.005 to 10 unless said. */
  readonly buckets?: readonly number[]
}

/** One metric, by labels. */
export interface Metric<L extends string, S> {
  /** The number of these label values. It is looked up: keep it where requests are many (in `setup`, or for each route). */
  labels(...values: [L] extends [never] ? [] : [values: { readonly [K in L]: string }]): S
}

/** Numbers for operators, told as Prometheus text at the admin listener's `/metrics`. Asked for again after a reload, they go on. */
export interface Metrics {
  counter<const L extends string = never>(spec: CounterSpec<L>): Metric<L, Counter>
  gauge<const L extends string = never>(spec: GaugeSpec<L>): Metric<L, Gauge>
  histogram<const L extends string = never>(spec: HistogramSpec<L>): Metric<L, Histogram>
}

/** Where finished access lines go (`log.format` decides their form). */
export interface LogSink {
  write(line: Readonly<Record<string, unknown>>): void
  flush(): Sometimes<void>
}

/** Server settings that plugins may read. Times in milliseconds. */
export interface ServerSettings {
  readonly host: string
  readonly port: number
  /** The origin users see; no trailing slash. */
  readonly public_url: string
  /** Other origins that users see, beside `public_url` and written alike. */
  readonly public_urls: readonly string[]
  readonly trusted_proxies: readonly string[]
  readonly admin_port: number
  readonly drain_timeout: number
}
/** `log` of settings.yaml. */
export interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'text'
}

/** A resource of the process, shared by plugins and by generations; its identity is this object. */
export interface Shared<S, T> {
  readonly name: string
  open(settings: S, host: Resources): Sometimes<T>
  close?(made: T): Sometimes<void>
}

/** Where a plugin's own listener takes connections. */
export interface ListenAt {
  /** 127.0.0.1 unless said. */
  readonly host?: string
  /** A free one unless said. */
  readonly port?: number
}

/** Whatever is made through it, it closes, last first; one failing closer does not stop the others. */
export interface Resources {
  readonly log: Log
  /** What it makes is gone when no generation asks for it any more; its numbers outlive reloads. */
  readonly metrics: Metrics
  /** Opens a service by kind and configured name; it lives as long as some generation uses it with equal options. */
  use<K extends KindName>(kind: K, ref: PluginRef): Promise<Kinds[K]>
  /** Process-wide, ref-counted. The key is (`what`, settings as canonical JSON): changed settings make a new one beside the old. */
  shared<S, T>(what: Shared<S, T>, settings: S): Promise<T>
  every(ms: number, task: () => Sometimes<void>): void
  /**
   * Opens a listener of the plugin's own: a node:http or node:net server. Closed with the generation, its connections a second later: one
   * of a fixed port that is to outlive a reload belongs into `shared`. Rejects with a sentence where the port is taken.
   */
  listen(server: NetServer, at?: ListenAt): Promise<AddressInfo>
  /** Connections for calls of the plugin's own; undici's Agent. 5 s to connect, 30 s for a head and between pieces unless said. */
  agent(options?: Agent.Options): Agent
  /** Work that outlives its request (touch, prefetch): drain waits for it; a rejection is logged, never unhandled. */
  background(work: Promise<unknown>): void
  onClose(fn: () => Sometimes<void>): void
}

/** Given to `open` of a service, which knows no routes. */
export interface ServiceHost<C = unknown> extends Resources {
  readonly options: C
  /** Absolute. A path in options is relative to it, as every path in config is: `resolve(host.configDir, path)`. */
  readonly configDir: string
}

/** Given to `setup`, once a generation. */
export interface Host<C = unknown> extends ServiceHost<C> {
  /** All routes of the plugin's profile, endpoints' included; for a router, those it must find. */
  readonly routes: readonly Route[]
  readonly services: Readonly<Record<string, Service>>
  readonly server: ServerSettings
  readonly logSettings: LogSettings
  /** A section of settings.yaml that this plugin declared in `sections`. */
  section<K extends SectionName>(name: K): Sections[K]
}

/** Given to `explain` instead of a host: nothing of the world is behind it. `shared`, `use` and `listen` reject, `agent` throws. */
export interface ExplainHost<C = unknown> extends Host<C> {
  readonly as: 'anonymous' | 'user'
  /** Something a live request would have done here: a call, a change. Shown to whoever asked; never a secret. */
  would(x: { readonly id: string }, intention: string): void
}

/** A place in a file; lines and columns count from 1. */
export interface FilePlace {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A YAML file of another system, as a doctor reads it. */
export interface ForeignFile<T> {
  readonly file: string
  readonly data: T
  /** Of the value at this path, or of its key; of the nearest thing that is there where the path ends early. */
  place(path: readonly PropertyKey[], at?: 'key' | 'value'): FilePlace
}

/** Given to `diagnose`. The world is behind it: what it opens is closed when `bascule doctor` ends. */
export interface DoctorHost<C = unknown> extends Host<C> {
  /** The command line's, by name without `--`. */
  readonly flags: Readonly<Record<string, string | true | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where a setting stands, or would have to. */
  place(file: 'settings.yaml' | 'routes.yaml', path: readonly PropertyKey[], at?: 'key' | 'value'): FilePlace
  /** Undefined: it cannot be read or is not as the schema wants it. The doctor says so, with the place, and exits with 2. */
  read<T>(file: string, schema: StandardSchemaV1<unknown, T>): ForeignFile<T> | undefined
}

/** What a plugin found that no load can see: what another system says, and whether it agrees. */
export interface Diagnosis {
  /** The places that must agree, by key and heading. */
  readonly places: readonly { readonly key: string; readonly title: string }[]
  /** One a subject, e.g. a service. `state`: a word a place; `ok`, `-` for not looked at, else what is the matter. */
  readonly rows: readonly { readonly subject: string; readonly state: Readonly<Record<string, string>> }[]
  readonly findings: readonly Finding[]
}

/** One judgement of `bascule doctor`. */
export interface Finding {
  /** A fault ends the doctor with 1; advice does not. */
  readonly severity: 'fault' | 'advice'
  /** One word of a closed list. */
  readonly code: string
  readonly subject?: string
  /** The key of the place that is wrong. */
  readonly where?: string
  /** A sentence. No secret, no token. */
  readonly message: string
  /** Where to change something; absent where no file is in reach. */
  readonly place?: FilePlace
  /** The exact text. `replace`: instead of the key or value at `place`. `add`: as lines one level below it; at a file's first line: at its end. */
  readonly change?: { readonly edit: 'replace' | 'add'; readonly text: string }
  /** For whoever owns the other system, to be pasted. */
  readonly tell?: string
}

/** One candidate of a router, and why it did not get a request. */
export interface NearMiss {
  readonly route: Route
  readonly why: string
}

// ──────────────────────────────── plugins ────────────────────────────────

/** `router`: gives the route, once, first. `filter`: lets through or replies. `terminal`: answers, last. `observer`: only hears of it. */
export type Role = 'router' | 'filter' | 'terminal' | 'observer'

/** What any stage may do late. Hooks return `undefined`, not `void`: with `void` an async hook compiles, and its rejection ends the process. */
export interface LateHooks<N extends SlotName, W extends SlotName, P extends SlotName> {
  /** In reverse order, for the stages the request got past (the stage that answered included). */
  response?(x: Exchange<never, N | W | P>, head: Head): undefined
  /** Exactly once a request, however it ended. */
  settled?(x: Exchange<never, N | W | P>, outcome: Outcome): undefined
}
/** Of a stage that judges requests: a router, filter or terminal. One with nothing to judge proceeds, or is an observer. */
export interface Hooks<K extends Role, N extends SlotName, W extends SlotName, P extends SlotName>
  extends LateHooks<N, W, P> {
  run: (x: Exchange<N, W, P>) => Verdict<K> | Promise<Verdict<K>>
}
/** The hooks of an observer: it has no `run`, so it can hold no request up. */
export interface ObserverHooks<N extends SlotName, W extends SlotName, P extends SlotName> extends LateHooks<N, W, P> {
  run?: never
}
/** What `setup` makes: observers and routers once for all routes, every other stage a function that makes its hooks for each route. */
export type Made<K extends Role, N extends SlotName, W extends SlotName, P extends SlotName> = K extends 'observer'
  ? ObserverHooks<N, W, P>
  : K extends 'router'
    ? Hooks<K, N, W, P>
    : (route: Route) => Hooks<K, N, W, P>

/** A service that config names, and where. */
export interface NamedService {
  readonly kind: KindName
  readonly ref: PluginRef
  readonly path: readonly PropertyKey[]
}

/** A section of settings.yaml. Several plugins may declare one section, if they hand over the same object. */
export interface Section<T> {
  /** Validates the section; `undefined` where the file lacks it, so that defaults and "required" are the schema's. */
  readonly schema: StandardSchemaV1<unknown, T>
  /** Pure. Plugins named inside the section, to be loaded and checked with the rest. `path` is relative to the section. */
  refs?(value: T): Iterable<NamedService>
  /** Pure. Built-in stages that such a value asks for. Each stands right behind the router of every profile that does not list it itself. */
  stages?(value: T): readonly string[]
  /**
   * Pure. Whether a changed section leaves what is open on this route alone: a socket that outlives a reload was made by the old one. Unless
   * said, no change does.
   */
  spares?(was: T, now: T, route: Route): boolean
  /** Pure. What one section alone cannot tell: names that must exist elsewhere, settings that contradict. */
  review?(value: T, view: ConfigView): void
}
/** The whole config as a section's `review` sees it, and where it says what is wrong. */
export interface ConfigView {
  readonly sections: Readonly<Partial<Sections>>
  readonly server: ServerSettings
  readonly services: Readonly<Record<string, Service>>
  readonly routes: readonly Route[]
  /** `path` is relative to the section under review; the message gets its FILE:LINE:COLUMN. */
  error(path: readonly PropertyKey[], message: string): void
  warn(path: readonly PropertyKey[], message: string): void
}

/** What every plugin declares: its name, its options, and what it reads of the config. */
export interface Base<C> {
  readonly api?: 1
  readonly name: string
  /** Pure. Names of cookies that are this plugin's: two plugins that claim one are refused. */
  cookies?(sections: Readonly<Partial<Sections>>): readonly string[]
  /** Schema of `with`. Absent: the plugin takes no options. */
  readonly options?: StandardSchemaV1<unknown, C>
  /** Pure. Services named inside the options, to be loaded and checked with the rest. `path` is relative to `with`. */
  refs?(options: C): Iterable<NamedService>
  readonly sections?: { readonly [K in SectionName]?: Section<Sections[K]> }
  readonly routeKeys?: { readonly [K in keyof RouteKeys & string]?: StandardSchemaV1<unknown, RouteKeys[K]> }
}

// `any` here and below: the host holds stages of every type; defineStage keeps the types apart.
/** One step of a request's way. Its place in a profile follows from `role`, `needs`, `wants` and `provides`. */
export interface Stage<
  C = any,
  K extends Role = any,
  N extends SlotName = any,
  W extends SlotName = any,
  P extends SlotName = any,
> extends Base<C> {
  readonly kind?: 'stage'
  /** 'filter' unless said. 'observer': no `run`, only response/settled; may stand anywhere and sees unrouted requests too. */
  readonly role?: K
  readonly needs?: readonly N[]
  /** May be absent; but if a stage of this program provides it, that stage must stand before (observers excepted). */
  readonly wants?: readonly W[]
  readonly provides?: readonly P[]
  /** Pure. Which `wants` are needs on this route: header-inject must not load on a session route without token-resolve. */
  requires?(route: Route, options: C): readonly NoInfer<N | W>[]
  /** Milliseconds for one `run`; the host's default unless said. A stage that never settles would pin its generation for good. */
  readonly timeout?: number
  /** Values of `route.auth` that this stage enforces. A route whose auth is not 'none' and that nobody guards is refused. */
  readonly guards?: readonly string[]
  /**
   * Unless said: plain HTTP on routes of routes.yaml. A websocket route with a stage that is not aware is refused; on endpoints it is left
   * out. `unrouted`: a filter's `response` edits answers to requests without a route, too (404, 405, what core refuses); made for a
   * route whose `id` is empty.
   */
  readonly also?: readonly ('upgrades' | 'endpoints' | 'unrouted')[]
  /** Names of endpoint plugins that come with this stage: `session-auth` brings those under /auth. */
  readonly brings?: readonly string[]
  /** Pure, no host: `check`, `explain` and `--plan` call these and `requires`, and nothing else. */
  applies?(route: Route, options: C): boolean
  problems?(route: Route, options: C): Iterable<string>
  /** Pure, once a profile: routes that cannot stand together, e.g. two that no request can tell apart. */
  conflicts?(routes: readonly Route[], options: C): Iterable<{ readonly route: Route; readonly message: string }>
  /** Pure. For a router: which other routes came near, nearest first, and why each lost. */
  nearMisses?(
    request: { readonly method: string; readonly path: string; readonly host: string },
    won: Route | undefined,
    routes: readonly Route[],
  ): readonly NearMiss[]
  /** Once a generation, may wait and may fail; the inner function once a route, synchronous and cheap (10,000 routes). */
  setup(host: Host<C>): Sometimes<Made<K, N, W, P>>
  /**
   * Stands in for `setup` in `bascule explain`: the same verdicts without side effects, which are told to `host.would` instead. Absent:
   * `setup` itself is called, and a stage that opens something there is passed over, and said to be.
   */
  explain?(host: ExplainHost<C>): Sometimes<Made<K, N, W, P>>
  /** For `bascule doctor`, once: whether what lies outside of this config agrees with it. Changes nothing. */
  diagnose?(host: DoctorHost<C>): Sometimes<Diagnosis>
}

/** What Bascule answers under a path of its own, such as `/auth/login`. A stage `brings` it, or config lists it. */
export interface Endpoint<C = any, N extends SlotName = any, W extends SlotName = any> extends Base<C> {
  readonly kind: 'endpoint'
  /**
   * 'public' unless said. 'admin': for operators, at 127.0.0.1 and `server.admin_port` only, and never for pages of other origins. Its
   * paths are exact, `auth` is none, no stage stands before it (observers are told), and a body has at most 64 KiB.
   */
  readonly listener?: 'public' | 'admin'
  readonly needs?: readonly N[]
  readonly wants?: readonly W[]
  /** Pure, so that `check` sees two plugins that claim one path. `auth` other than 'none' puts the guarding stage in front. */
  paths(options: C): readonly {
    readonly id: string
    readonly path: string
    readonly methods: readonly string[]
    readonly auth: string
  }[]
  setup(host: Host<C>): Sometimes<(route: Route) => (x: Exchange<N, W>) => Sometimes<Reply>>
}

/** Anything others use by name: session store, minter, log sink. */
export interface ServicePlugin<C = any, K extends KindName = any> extends Base<C> {
  readonly kind: K
  open(host: ServiceHost<C>): Sometimes<Kinds[K] & Partial<AsyncDisposable>>
}

/** What a plugin file exports, or makes of the `Kit`. */
export type Plugin = Stage | Endpoint | ServicePlugin

/** Packages import types only and get the makers handed in. */
export interface Kit {
  readonly defineStage: typeof import('./define.ts').defineStage
  readonly defineEndpoint: typeof import('./define.ts').defineEndpoint
  readonly defineService: typeof import('./define.ts').defineService
}
/** A plugin file: its default export is the plugin, or a function that is handed the `Kit`. */
export interface PluginModule {
  readonly default: Plugin | ((kit: Kit) => Plugin)
}
