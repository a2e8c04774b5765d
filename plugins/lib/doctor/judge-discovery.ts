// The identity provider's own description of itself, beside what settings.yaml takes it for.
import type { ServerMetadata } from 'openid-client'
import { tlsDispatcher } from '../idp/client-auth.ts'
import { classify } from '../idp/idp-errors.ts'
import { idpFetch } from '../idp/idp-fetch.ts'
import { isLoopback } from '../settings/text-values.ts'
import { sameIssuer } from '../token/audience.ts'
import type { Case } from './case.ts'
import { nearest } from './likeness.ts'

/** As the judge of tokens has it: beyond this they come expired, or not valid yet. */
const maxSkew = 60_000

/** Undefined: it cannot be asked, and that is the fault. */
export async function judgeDiscovery(c: Case): Promise<ServerMetadata | undefined> {
  const { issuer } = c.host.section('auth')
  const place = c.setting(['auth', 'issuer'])
  const got = await fetchDocument(c)
  if ('words' in got) {
    for (const service of c.services) c.state(service, 'token', 'no idp')
    const message = `The identity provider cannot be asked: ${got.words}. Check auth.issuer, or judge the files alone with --offline.`
    c.fault('idp_unreachable', 'settings', undefined, message, { place })
    return undefined
  }
  const { metadata, date } = got
  if (metadata.issuer !== issuer) {
    const change = { edit: 'replace', text: metadata.issuer } as const
    const message = `The identity provider calls itself ${metadata.issuer}, and auth.issuer says ${issuer}.`
    const forgiven = sameIssuer(metadata.issuer, issuer)
    const extra = /^https?:\/\/[^\s"']+$/.test(metadata.issuer) ? { place, change } : { place }
    c[forgiven ? 'advise' : 'fault']('issuer_mismatch', 'settings', undefined, message, extra)
    if (!forgiven) return undefined
  }
  judgeClock(c, date)
  judgeOffers(c, metadata)
  return metadata
}

type Fetched =
  | { readonly metadata: ServerMetadata; readonly date: string | null; readonly words?: never }
  | { readonly words: string }

async function fetchDocument(c: Case): Promise<Fetched> {
  const auth = c.host.section('auth')
  const dispatcher = tlsDispatcher(auth)
  const url = `${auth.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const answer = await idpFetch(() => false, dispatcher)(url, { redirect: 'manual' })
    if (answer.status !== 200) return { words: `${url} answered ${answer.status}` }
    const metadata = (await answer.json().catch(() => undefined)) as ServerMetadata | undefined
    if (typeof metadata?.issuer !== 'string') return { words: `${url} answered with something else than its metadata` }
    return { metadata, date: answer.headers.get('date') }
  } catch (error) {
    return { words: `${url}: ${classify(error).words}` }
  } finally {
    dispatcher?.close().catch(() => {})
  }
}

function judgeClock(c: Case, date: string | null): void {
  const apart = date === null ? Number.NaN : Date.parse(date) - Date.now()
  if (!(Math.abs(apart) > maxSkew)) return
  const seconds = Math.round(Math.abs(apart) / 1000)
  const message = `The identity provider's clock is ${seconds} s ${apart < 0 ? 'behind' : 'ahead of'} this machine's: tokens come expired, or are not valid yet. Set the clocks (NTP).`
  c.fault('clock_skew', 'token', undefined, message)
}

const grants: Readonly<Record<string, string>> = {
  resource: 'refresh_token',
  audience: 'refresh_token',
  scope: 'refresh_token',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
  'client-credentials': 'client_credentials',
}

function judgeOffers(c: Case, metadata: ServerMetadata): void {
  judgeEndpoints(c, metadata)
  const { grant_types_supported: offered, scopes_supported: scopes } = metadata
  for (const mint of new Set(c.services.map((service) => c.mintOf(service)))) {
    const grant = grants[mint]
    if (grant === undefined || offered === undefined || offered.includes(grant)) continue
    const message = `The identity provider does not offer the grant ${grant}, which mint: ${mint} works with; it offers ${offered.join(', ')}.`
    c.fault('idp_lacks', 'settings', undefined, message, { place: c.setting(['auth', 'mint']) })
  }
  for (const scope of c.host.section('auth').oauth_scopes) {
    // Many list but a few of their scopes: only a near miss says something.
    const near = scopes === undefined || scopes.includes(scope) ? undefined : nearest(scope, scopes)
    if (near === undefined) continue
    const message = `The identity provider knows no scope ${scope}, but ${near}.`
    const asked = c.host.section('auth').oauth_scopes.map((one) => (one === scope ? near : one))
    c.fault('scope_not_asked', 'settings', undefined, message, {
      place: c.setting(['auth', 'oauth_scopes']),
      change: { edit: 'replace', text: `"${asked.join(' ')}"` },
    })
  }
}

function judgeEndpoints(c: Case, metadata: ServerMetadata): void {
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const) {
    const value = metadata[name]
    const url = value !== undefined && URL.canParse(value) ? new URL(value) : undefined
    if (url !== undefined && (url.protocol === 'https:' || isLoopback(url))) continue
    const message = `The identity provider's metadata has ${value === undefined ? `no ${name}` : `the ${name} ${value}, which is not https`}.`
    c.fault('idp_lacks', 'settings', undefined, message, { place: c.setting(['auth', 'issuer']), tell: message })
  }
}
