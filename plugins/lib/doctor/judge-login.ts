// Whether the identity provider would let our login begin: client, secret, redirect URI, scopes; and each audience asked for there.
import type { ServerMetadata } from 'openid-client'
import { loginParams } from '../bridge.ts'
import type { Idp, Params } from '../idp/idp.ts'
import { classify } from '../idp/idp-errors.ts'
import { askSilently, probeResource, wantsALogin } from '../login/login-resources.ts'
import { isResourceIndicator } from '../settings/text-values.ts'
import type { TokenPlan } from '../token/token-plan.ts'
import { randomId, sha256 } from '../util/random-id.ts'
import type { Case } from './case.ts'
import { differsBy, slipsOf } from './likeness.ts'

export function redirectUri(c: Case, origin = c.host.server.public_url): string {
  return `${origin}/auth/callback`
}

/** What every login asks for, but the audiences. */
export function loginBase(c: Case, plans: readonly TokenPlan[]): Params {
  const auth = c.host.section('auth')
  return [
    ['client_id', auth.client_id],
    ['response_type', 'code'],
    ['redirect_uri', redirectUri(c)],
    ['scope', auth.oauth_scopes.join(' ')],
    ['code_challenge_method', 'S256'],
    ...Object.entries(auth.authorize_params),
    ...loginParams(plans).filter(([name]) => name !== 'resource'),
  ]
}

/** False: no login begins, so no token can be had either. */
export async function judgeLogin(c: Case, idp: Idp, metadata: ServerMetadata, base: Params): Promise<boolean> {
  const refused = await beginLogin(idp, metadata, base)
  if (refused === undefined) return (await judgeSecret(c, idp)) && judgeOrigins(c, idp, metadata, base)
  if (/^invalid_client\b/.test(refused) && (await knowsClient(idp, base))) return sayCredentials(c, refused)
  for (const service of c.services) c.state(service, 'token', 'no login')
  const { path, compare, tell } = causeOf(c, refused)
  const message = `The identity provider refuses our login: ${refused}. Compare ${compare}.`
  c.fault('login_refused', 'settings', undefined, message, { place: c.setting(path), tell })
  return false
}

/** Logins at `public_url` begin; each further origin has a redirect URI that may have been forgotten at the provider. */
async function judgeOrigins(c: Case, idp: Idp, metadata: ServerMetadata, base: Params): Promise<true> {
  for (const [i, origin] of c.host.server.public_urls.entries()) {
    const uri = redirectUri(c, origin)
    const there = base.map(([name, value]): [string, string] => [name, name === 'redirect_uri' ? uri : value])
    const refused = await beginLogin(idp, metadata, there)
    if (refused === undefined) continue
    const message = `The identity provider refuses our login at ${origin}: ${refused}. It takes logins at ${c.host.server.public_url}, so it lacks the redirect URI ${uri}.`
    const tell = `Please register the redirect URI ${uri} for the client ${c.host.section('auth').client_id}.`
    c.fault('login_refused', 'settings', undefined, message, { place: c.setting(['server', 'public_urls', i]), tell })
  }
  return true
}

function causeOf(c: Case, refused: string) {
  const { client_id, oauth_scopes } = c.host.section('auth')
  if (/client/.test(refused) && !/redirect/.test(refused))
    return {
      path: ['auth', 'client_id'],
      compare: 'client_id with the name of the client there',
      tell: `Is there a client ${client_id}, and how does it authenticate?`,
    }
  if (/scope/.test(refused))
    return {
      path: ['auth', 'oauth_scopes'],
      compare: "oauth_scopes with the client's scopes there",
      tell: `Please allow the client ${client_id} the scopes ${oauth_scopes.join(' ')}.`,
    }
  return {
    path: ['server', 'public_url'],
    compare: "public_url with the client's redirect URIs there",
    tell: `Please register the redirect URI ${redirectUri(c)} for the client ${client_id}.`,
  }
}

/** An authorization request carries no credentials: who gets an answer by redirect is known. */
function knowsClient(idp: Idp, base: Params): Promise<boolean> {
  return idp
    .plainAuthorizationUrl(silently(base))
    .then(askSilently)
    .then(
      () => true,
      () => false,
    )
}

function silently(base: Params): Params {
  return [
    ...base.filter(([name]) => name !== 'prompt'),
    ['state', randomId()],
    ['nonce', randomId()],
    ['code_challenge', sha256(randomId())],
    ['prompt', 'none'],
  ]
}

/** The identity provider's words, or undefined where it would go on to the login. */
async function beginLogin(idp: Idp, metadata: ServerMetadata, base: Params): Promise<string | undefined> {
  const params = silently(base)
  try {
    if (metadata.pushed_authorization_request_endpoint !== undefined) {
      await idp.authorizationUrl(params)
      return undefined
    }
    const said = await askSilently(await idp.plainAuthorizationUrl(params))
    const error = said.get('error')
    if (error === null || wantsALogin(error)) return undefined
    return classify({ error, error_description: said.get('error_description') ?? undefined }).words
  } catch (error) {
    return classify(error).words
  }
}

/** A refresh token that nobody has: who knows the client says so before it looks at the token. */
async function judgeSecret(c: Case, idp: Idp): Promise<boolean> {
  const failure = await idp.refresh(`doctor-${randomId()}`, {}).then(() => undefined, classify)
  return failure?.kind === 'misconfigured' ? sayCredentials(c, failure.words) : true
}

function sayCredentials(c: Case, words: string): false {
  const { client_auth, client_id } = c.host.section('auth')
  for (const service of c.services) c.state(service, 'token', 'no client')
  const message = `The identity provider does not take the credentials of ${client_id} (client_auth: ${client_auth}): ${words}.`
  c.fault('login_refused', 'settings', undefined, message, {
    place: c.setting(['auth', client_auth.startsWith('client_secret') ? 'client_secret' : 'client_auth']),
    tell: `How does the client ${client_id} authenticate at the token endpoint, and with which credentials? We use ${client_auth}.`,
  })
  return false
}

/** Audiences that a login may ask for; the others are told, with the provider's words. */
export async function judgeResources(
  c: Case,
  idp: Idp,
  base: Params,
  plans: readonly TokenPlan[],
): Promise<readonly string[]> {
  const good: string[] = []
  for (const { wish, minter } of plans) {
    const own = minter.authorization?.(wish).some(([name]) => name === 'resource') === true
    const asks = own || c.mintOf(wish.service) === 'resource'
    if (!asks || !isResourceIndicator(wish.audience) || good.includes(wish.audience)) continue
    const probe = await probeResource(idp, wish.audience, base)
    // One with a grant of its own is asked for in an authorization of its own.
    if (probe.kind === 'accepted' && !own) good.push(wish.audience)
    if (probe.kind === 'refused') await refused(c, idp, base, wish.service, probe.words)
  }
  return good
}

async function refused(c: Case, idp: Idp, base: Params, service: string, words: string): Promise<void> {
  c.state(service, 'token', 'refused')
  // The files have named the place already; here it is only confirmed.
  if (c.findings.some((finding) => finding.severity === 'fault' && finding.subject === service)) return
  const { audience } = c.token(service)!.wish
  const { client_id, oauth_scopes } = c.host.section('auth')
  const place = c.setting(['service_audiences', service])
  const near = await acceptedVariant(idp, base, c.notOthers(service, slipsOf(audience)))
  if (near !== undefined) {
    c.state(service, 'settings', 'unlike')
    const message = `The identity provider refuses the audience ${audience} of ${service}, and takes ${near}: it differs by ${differsBy(audience, near)}.`
    c.fault('audience_unlike', 'settings', service, message, { place, change: { edit: 'replace', text: near } })
    return
  }
  const message = `The identity provider gives no token for the audience of ${service}, ${audience}: ${words}. Either it is spelled otherwise there, or the scope mapping or the client's allowed audiences lack it; --idp-config DIR tells which.`
  const tell = `Please let the client ${client_id} have tokens for the audience ${audience}, to the letter: map it to one of the scopes ${oauth_scopes.join(' ')}, and allow it to the client. What we get is "${words}".`
  c.fault('token_refused', 'token', service, message, { place, tell })
}

async function acceptedVariant(idp: Idp, base: Params, slips: readonly string[]): Promise<string | undefined> {
  for (const slip of slips) if ((await probeResource(idp, slip, base)).kind === 'accepted') return slip
  return undefined
}
