// One bridge a configuration: the same sessions, IdP and broker for every stage and endpoint of a generation.
import { fault, type Host, type Route, type Shared } from '../../core/index.ts'
import { mintTally } from './bridge-metrics.ts'
import { servicesOf } from './chosen-service.ts'
import { type Idp, idpSettings, idpShared } from './idp/idp.ts'
import { presetOf } from './idp/idp-presets.ts'
import type { Sessions } from './session/session.ts'
import { sessionsShared } from './session/sessions.ts'
import { type AuthSettings, type SessionSettings, sections } from './settings/settings.ts'
import { type Broker, createBroker, isRefused } from './token/broker.ts'
import { certificateThumbprint } from './token/certificate-binding.ts'
import { redeemQueueShared } from './token/redeem-queue.ts'
import { tokenRenewalsShared } from './token/refused-token.ts'
import { type ServiceToken, type TokenCheck, type TokenPlan, tokenPlan } from './token/token-plan.ts'
import { clock } from './util/clock.ts'

/** Sections that a caller of `bridge` declares, beside its own. */
export const bridgeSections = {
  auth: sections.auth,
  session: sections.session,
  service_audiences: sections.service_audiences,
  service_scopes: sections.service_scopes,
  service_tokens: sections.service_tokens,
}

export interface Bridge {
  readonly sessions: Sessions
  readonly idp: Idp
  readonly broker: Broker
  /** What session routes need tokens for, in the order of routes.yaml. */
  readonly plans: readonly TokenPlan[]
}

interface BridgeSettings {
  readonly auth: AuthSettings
  readonly session: SessionSettings
  readonly tokens: readonly ServiceToken[]
  readonly unmapped: readonly string[]
}

/** For `setup` of a plugin that declares `bridgeSections`. Waits for no network: the IdP may be down. */
export function bridge(host: Host<unknown>): Promise<Bridge> {
  const auth = host.section('auth')
  const services = [...sessionServices(host)]
  const tokens = services.map((service) => serviceToken(host, auth, service))
  const unmapped = services.filter((_, at) => tokens[at] === undefined)
  const mapped = tokens.filter((token) => token !== undefined)
  return host.shared(bridgeShared, { auth, session: host.section('session'), tokens: mapped, unmapped })
}

const servicesByRoutes = new WeakMap<readonly Route[], ReadonlySet<string>>()

/** Found once, though each endpoint asks: ten thousand routes take as many milliseconds as there are thousands. */
export function sessionServices({ routes }: Host<unknown>): ReadonlySet<string> {
  const known = servicesByRoutes.get(routes)
  if (known !== undefined) return known
  const found = new Set<string>()
  for (const route of routes) {
    if (route.auth !== 'session' || route.target_service === '') continue
    for (const service of servicesOf(route)) found.add(service)
  }
  servicesByRoutes.set(routes, found)
  return found
}

export function serviceToken(host: Host<unknown>, auth: AuthSettings, service: string): ServiceToken | undefined {
  const audience = ownValue(host.section('service_audiences'), service)
  if (audience === undefined) return undefined
  const own = ownValue(host.section('service_tokens'), service) ?? {}
  const wish = {
    service,
    audience,
    scopes: ownValue(host.section('service_scopes'), service) ?? [],
    ...(own.params === undefined ? {} : { params: own.params }),
    ...(own.token_endpoint === undefined ? {} : { tokenEndpoint: own.token_endpoint }),
  }
  const preset = presetOf(auth.preset).check
  const cert = ownValue(host.services, service)?.tls?.cert
  const check: TokenCheck = {
    audience: own.expected_audience ?? audience,
    match: own.match ?? preset?.match ?? 'includes',
    opaque: own.opaque ?? preset?.opaque ?? 'refuse',
    ...(cert === undefined ? {} : { certificate: certificateThumbprint(cert) }),
  }
  return { wish, check, mint: own.mint ?? auth.mint }
}

function ownValue<T>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined
}

const bridgeShared: Shared<BridgeSettings, Bridge> = {
  name: 'bridge',
  async open({ auth, session, tokens, unmapped }, host) {
    const sessions = await host.shared(sessionsShared, session)
    const idp = await host.shared(idpShared, idpSettings(auth))
    const { issuer, client_id } = auth
    const plans: TokenPlan[] = []
    for (const token of tokens)
      plans.push(tokenPlan(token, await host.use('minter', token.mint), { issuer, client_id }))
    // Not keyed by the settings above: a reload must not open a second queue for a session's refresh token.
    const queue = await host.shared(redeemQueueShared, { store: session.store, issuer, client_id })
    const broker = createBroker({
      sessions,
      idp,
      issuer,
      queue,
      clock,
      log: host.log,
      plans,
      unmapped,
      background: (work) => host.background(work),
      minted: mintTally(host.metrics),
    })
    const taken = sessions.vouch(async (session, service) => {
      const got = await broker.credential(session, service)
      if (!isRefused(got)) return got.expiresAt
      if (got.kind === 'unavailable') return undefined
      return fault(got.kind === 'session_over' ? 'SESSION_REQUIRED' : 'NO_TOKEN_AVAILABLE')
    })
    host.onClose(taken)
    host.onClose((await host.shared(tokenRenewalsShared, session)).offer(broker.refused))
    return { sessions, idp, broker, plans }
  },
}

/** What the login must ask for, so that every service's minter has something to work with. Each minter is asked once. */
export function loginParams(plans: readonly TokenPlan[]): readonly (readonly [name: string, value: string])[] {
  const minters = new Set(plans.map(({ minter }) => minter))
  return [...minters].flatMap((minter) =>
    minter.atLogin(plans.filter((plan) => plan.minter === minter).map(({ wish }) => wish)),
  )
}
