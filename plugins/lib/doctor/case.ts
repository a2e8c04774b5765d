import type { DoctorHost, FilePlace, Finding, Route } from '../../../core/index.ts'
import { serviceToken, sessionServices } from '../bridge.ts'
import { servicesOf } from '../chosen-service.ts'
import type { ServiceToken } from '../token/token-plan.ts'
import type { IdpFiles } from './idp-files.ts'

/** The places that must agree on an audience, in the order in which a request meets them. */
export const places = [
  { key: 'route', title: 'routes.yaml' },
  { key: 'settings', title: 'settings.yaml' },
  { key: 'idp_scope', title: 'IdP scope' },
  { key: 'idp_client', title: 'IdP client' },
  { key: 'token', title: 'token' },
] as const

export type PlaceKey = (typeof places)[number]['key']

/** Closed; docs/doctor.md has each. */
type FindingCode =
  | 'no_audience'
  | 'audience_unlike'
  | 'audience_shared'
  | 'audience_not_mapped'
  | 'audience_not_allowed'
  | 'audience_no_uri'
  | 'scope_not_asked'
  | 'scope_not_allowed'
  | 'scope_maps_elsewhere'
  | 'no_refresh_token'
  | 'client_unknown'
  | 'redirect_not_registered'
  | 'idp_unreachable'
  | 'issuer_mismatch'
  | 'idp_lacks'
  | 'login_refused'
  | 'clock_skew'
  | 'token_refused'
  | 'token_wrong'

type Extra = Pick<Finding, 'place' | 'change' | 'tell'>

/** One examination: what was looked at, and what was found. */
export class Case {
  readonly host: DoctorHost<unknown>
  /** Absent: not in reach. */
  readonly idp: IdpFiles | undefined
  readonly services: readonly string[]
  readonly findings: Finding[] = []
  readonly #tokens: ReadonlyMap<string, ServiceToken>
  readonly #states = new Map<string, Record<string, string>>()

  constructor(host: DoctorHost<unknown>, idp: IdpFiles | undefined) {
    this.host = host
    this.idp = idp
    this.services = [...sessionServices(host)]
    const auth = host.section('auth')
    this.#tokens = new Map(
      this.services.flatMap((service) => {
        const token = serviceToken(host, auth, service)
        return token === undefined ? [] : [[service, token] as const]
      }),
    )
    for (const service of this.services) this.#states.set(service, { route: 'ok' })
  }

  /** Undefined: service_audiences has none. */
  token(service: string): ServiceToken | undefined {
    return this.#tokens.get(service)
  }

  /** Services that have an audience. */
  get tokens(): ReadonlyMap<string, ServiceToken> {
    return this.#tokens
  }

  /** Another service's audience is no misspelling of this one's, however like it is: api1 and api2. */
  notOthers(service: string, audiences: readonly string[]): readonly string[] {
    const taken = new Set<string>()
    for (const [name, audience] of Object.entries(this.host.section('service_audiences')))
      if (name !== service) taken.add(audience)
    for (const [name, { check }] of this.#tokens) if (name !== service) taken.add(check.audience)
    return audiences.filter((audience) => !taken.has(audience))
  }

  mintOf(service: string): string {
    const mint = this.token(service)?.mint ?? this.host.section('auth').mint
    return typeof mint === 'string' ? mint : mint.use
  }

  /** A word wins over `ok`, and the first word over later ones. */
  state(service: string, place: PlaceKey, word: string): void {
    const row = this.#states.get(service)
    if (row !== undefined && (row[place] ?? 'ok') === 'ok') row[place] = word
  }

  get rows() {
    return this.services.map((subject) => ({ subject, state: this.#states.get(subject) ?? {} }))
  }

  fault(code: FindingCode, where: PlaceKey, service: string | undefined, message: string, extra: Extra = {}): void {
    this.#add('fault', code, where, service, message, extra)
  }

  advise(code: FindingCode, where: PlaceKey, service: string | undefined, message: string, extra: Extra = {}): void {
    this.#add('advice', code, where, service, message, extra)
  }

  /** The route that sends requests there: FILE:LINE:COLUMN. */
  routeTo(service: string): string {
    const to = ({ auth, target_service, ...route }: Route) =>
      auth === 'session' && target_service !== '' && servicesOf({ target_service, auth, ...route }).includes(service)
    const route = this.host.routes.find(to)
    return route === undefined ? 'routes.yaml' : `route ${route.id}, ${route.at}`
  }

  setting(path: readonly PropertyKey[], at?: 'key' | 'value'): FilePlace {
    return this.host.place('settings.yaml', path, at)
  }

  #add(
    severity: Finding['severity'],
    code: FindingCode,
    where: PlaceKey,
    service: string | undefined,
    message: string,
    extra: Extra,
  ): void {
    // Two services on one line (a scope both need) are one fault.
    const known = this.findings.some((finding) => finding.code === code && same(finding, { message, ...extra }))
    if (known) return
    this.findings.push({
      ...{ severity, code, where, message },
      ...(service === undefined ? {} : { subject: service }),
      ...extra,
    })
  }
}

function same(one: Extra & { message: string }, other: Extra & { message: string }): boolean {
  if (one.place === undefined || other.place === undefined || other.change === undefined)
    return one.message === other.message
  const { file, line, column } = one.place
  const there = other.place
  return file === there.file && line === there.line && column === there.column && one.change?.text === other.change.text
}
