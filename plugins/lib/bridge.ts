// One bridge a configuration: the same sessions, IdP and broker for every stage and endpoint of a generation.
import type { Host, Shared } from '../../core/index.ts'
import { type Broker, createBroker } from './broker.ts'
import { servicesOf } from './chosen-service.ts'
import { clock } from './clock.ts'
import { type Idp, idpSettings, idpShared } from './idp.ts'
import type { Minter, MintWish } from './minter.ts'
import { redeemQueueShared } from './redeem-queue.ts'
import type { Sessions } from './session.ts'
import { sessionsShared } from './sessions.ts'
import { type AuthSettings, type SessionSettings, sections } from './settings.ts'

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
  readonly minter: Minter
  /** What session routes need tokens for, in the order of routes.yaml. For `minter.atLogin`. */
  readonly wishes: readonly MintWish[]
}

interface BridgeSettings {
  readonly auth: AuthSettings
  readonly session: SessionSettings
  readonly wishes: readonly MintWish[]
  readonly unmapped: readonly string[]
}

/** For `setup` of a plugin that declares `bridgeSections`. Waits for no network: the IdP may be down. */
export function bridge(host: Host<unknown>): Promise<Bridge> {
  const services = sessionServices(host)
  const audiences = host.section('service_audiences')
  const scopes = host.section('service_scopes')
  const wishes: MintWish[] = []
  const unmapped: string[] = []
  for (const service of services) {
    const audience = Object.hasOwn(audiences, service) ? audiences[service] : undefined
    if (audience === undefined) unmapped.push(service)
    else wishes.push({ service, audience, scopes: (Object.hasOwn(scopes, service) && scopes[service]) || [] })
  }
  return host.shared(bridgeShared, { auth: host.section('auth'), session: host.section('session'), wishes, unmapped })
}

function sessionServices({ routes }: Host<unknown>): ReadonlySet<string> {
  const session = routes.filter(({ auth, target_service }) => auth === 'session' && target_service !== '')
  return new Set(session.flatMap(servicesOf))
}

const bridgeShared: Shared<BridgeSettings, Bridge> = {
  name: 'bridge',
  async open({ auth, session, wishes, unmapped }, host) {
    const sessions = await host.shared(sessionsShared, session)
    const idp = await host.shared(idpShared, idpSettings(auth))
    const minter = await host.use('minter', auth.mint)
    const { issuer, client_id, mint } = auth
    // Not keyed by the settings above: a reload must not open a second queue for a session's refresh token.
    const queue = await host.shared(redeemQueueShared, { store: session.store, issuer, client_id })
    const broker = createBroker({
      sessions,
      idp,
      issuer,
      minter,
      queue,
      clock,
      log: host.log,
      settings: { issuer, client_id, mint },
      wishes,
      unmapped,
      background: (work) => host.background(work),
    })
    return { sessions, idp, broker, minter, wishes }
  },
}
