import type { Log } from '../../../core/index.ts'
import type { Clock } from '../util/clock.ts'
import type { DpopKey } from './dpop.ts'
import type { Grant, Minted, Minter, TokenEndpoint } from './minter.ts'
import type { RedeemQueue } from './redeem-queue.ts'
import type { TokenPlan } from './token-plan.ts'

interface AskTools {
  readonly idp: TokenEndpoint
  readonly issuer: string
  readonly queue: RedeemQueue
  readonly clock: Clock
  readonly log: Log
}

/** What the IdP's answer says of its health counts only where it was asked: some mints need no request. */
export function askMinter(tools: AskTools, { wish, minter }: TokenPlan, grant: Grant): Promise<Minted> {
  return asked(tools, wish.service, (idp) => minter.mint(wish, grant, idp), bindingOf(minter, grant.dpop))
}

/** A token that is the client's and no session's must not hang on the key of the session that asked first. */
export function bindingOf({ spends, uses }: Minter, key: DpopKey | undefined): DpopKey | undefined {
  return spends === 'refresh' || uses === 'access' ? key : undefined
}

/** Runs what asks the IdP, unless that is known to be down, and notes how it went. Never rejects. */
export async function asked(
  tools: AskTools,
  service: string,
  work: (idp: TokenEndpoint) => Promise<Minted>,
  key: DpopKey | undefined,
): Promise<Minted> {
  const { idp, queue, clock } = tools
  let sent = false
  // Another token endpoint is another server: its health says nothing of the IdP's.
  const admitted = (at: string | undefined) => {
    if (at !== undefined) return undefined
    sent = sent || queue.health.admits(clock.now())
    return sent ? undefined : Promise.reject(new Error('the identity provider is down'))
  }
  const endpoint: TokenEndpoint = {
    issuer: tools.issuer,
    ...(idp.clientId === undefined ? {} : { clientId: idp.clientId }),
    refresh: (token, params, at) => admitted(at) ?? idp.refresh(token, params, at, key),
    grant: (type, params, at) => admitted(at) ?? idp.grant(type, params, at, key),
  }
  const minted = await work(endpoint).catch(failedMinter)
  if (minted.kind === 'unavailable') {
    noteFailure(tools, service, minted, sent && queue.health.failed(clock.now()))
  } else if (sent && queue.health.answered()) tools.log.info({ issuer: tools.issuer }, 'idp_recovered')
  return minted
}

function failedMinter(error: unknown): Minted {
  const words = error instanceof Error ? error.message : String(error)
  return { kind: 'unavailable', retryAfter: 1, words: `the minter failed: ${words}` }
}

function noteFailure(
  tools: AskTools,
  service: string,
  { words, alarm }: Extract<Minted, { readonly kind: 'unavailable' }>,
  down: boolean,
): void {
  const fields = { issuer: tools.issuer, service, error: words }
  if (alarm === true)
    tools.log.error({ ...fields, hint: 'check client_id, client_secret and client_auth' }, 'idp_refuses_client')
  else tools.log.warn(fields, down ? 'idp_unavailable' : 'idp_request_failed')
}
