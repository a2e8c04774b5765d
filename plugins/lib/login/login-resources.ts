// One audience that the identity provider refuses makes it refuse the whole login, without a word which one. So: find out, and go on
// without it. One misaligned audience never takes the rest down.
import { performance } from 'node:perf_hooks'
import type { Log, Shared } from '../../../core/index.ts'
import type { Idp, Params } from '../idp/idp.ts'
import { classify } from '../idp/idp-errors.ts'
import { randomId, sha256 } from '../util/random-id.ts'

/** What a refusal is worth: so long it is believed, then it is asked again before a login, so that a mended IdP is used at once. */
const believedFor = 1_000
const maxRemembered = 1_000

/** `refused`: with the IdP's words. `unknown`: it gave no usable answer to this question. */
type Probe =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly words: string }
  | { readonly kind: 'unknown'; readonly words: string }

export interface LoginResources {
  /** The wanted ones without those known to be refused; asks the IdP again where that is old knowledge. */
  usable(idp: Idp, wanted: readonly string[], base: Params): Promise<readonly string[]>
  /** After an `invalid_target`: asks for each alone, remembers and logs what is refused, answers what is left. */
  sift(idp: Idp, asked: readonly string[], base: Params, log: Log): Promise<readonly string[]>
}

export function makeLoginResources(now: () => number = () => performance.now()): LoginResources {
  const refusals = new Map<string, { until: number }>()
  const asking = new Map<string, Promise<Probe>>()

  /** Logins that come together ask once. */
  function ask(idp: Idp, resource: string, base: Params): Promise<Probe> {
    const running = asking.get(resource)
    if (running !== undefined) return running
    const probe = probeResource(idp, resource, base).finally(() => asking.delete(resource))
    asking.set(resource, probe)
    return probe
  }

  function remember(resource: string): void {
    refusals.delete(resource)
    refusals.set(resource, { until: now() + believedFor })
    if (refusals.size > maxRemembered) for (const oldest of refusals.keys()) return void refusals.delete(oldest)
  }

  async function stillRefused(idp: Idp, resource: string, base: Params): Promise<boolean> {
    const refusal = refusals.get(resource)
    if (refusal === undefined) return false
    if (now() < refusal.until) return true
    const probe = await ask(idp, resource, base)
    if (probe.kind === 'accepted') refusals.delete(resource)
    else remember(resource)
    return probe.kind !== 'accepted'
  }

  return {
    async usable(idp, wanted, base) {
      const refused = await Promise.all(wanted.map((resource) => stillRefused(idp, resource, base)))
      return wanted.filter((_, at) => !refused[at])
    },

    async sift(idp, asked, base, log) {
      const probes = await Promise.all(asked.map((resource) => ask(idp, resource, base)))
      const left: string[] = []
      for (const [at, resource] of asked.entries()) {
        const probe = probes[at] as Probe
        if (probe.kind !== 'refused') {
          left.push(resource)
          continue
        }
        remember(resource)
        log.error(
          { issuer: idp.issuer, audience: resource, error: probe.words },
          'login_resource_refused: the identity provider does not give this audience to this client; logins go on without it',
        )
      }
      return left
    },
  }
}

/** By pushing a request with this resource alone; without PAR, by asking for it as a browser that is not signed in. */
export async function probeResource(idp: Idp, resource: string, base: Params): Promise<Probe> {
  const params = probeParams(resource, base)
  try {
    const { pushed_authorization_request_endpoint: par } = await idp.metadata()
    if (par !== undefined) {
      await idp.authorizationUrl(params)
      return { kind: 'accepted' }
    }
    return judgeAnswer(await askSilently(await idp.plainAuthorizationUrl(params)))
  } catch (error) {
    const failure = classify(error)
    return { kind: failure.error === 'invalid_target' ? 'refused' : 'unknown', words: failure.words }
  }
}

/** `prompt=none` answers at once; the state is nobody's, so an answer that got to a browser would end nowhere. */
function probeParams(resource: string, base: Params): Params {
  const kept = base.filter(
    ([name]) => !['prompt', 'resource', 'state', 'nonce', 'code_challenge', 'login_hint'].includes(name),
  )
  return [
    ...kept,
    ['state', randomId()],
    ['nonce', randomId()],
    ['code_challenge', sha256(randomId())],
    ['resource', resource],
    ['prompt', 'none'],
  ]
}

/** No cookies, redirects not followed, the body not read. */
export async function askSilently(url: URL): Promise<URLSearchParams> {
  const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) })
  await answer.body?.cancel()
  const location = answer.headers.get('location')
  if (location === null || !URL.canParse(location, url)) throw new Error(`answered ${answer.status} without a redirect`)
  return new URL(location, url).searchParams
}

/** Who gets as far as wanting a login has looked at the resource. */
const wantsLogin = new Set(['login_required', 'interaction_required', 'consent_required', 'account_selection_required'])

export function wantsALogin(error: string): boolean {
  return wantsLogin.has(error)
}

function judgeAnswer(said: URLSearchParams): Probe {
  const error = said.get('error')
  const words = classify({ error, error_description: said.get('error_description') ?? undefined }).words
  if (error === 'invalid_target') return { kind: 'refused', words }
  return error !== null && wantsALogin(error) ? { kind: 'accepted' } : { kind: 'unknown', words }
}

/** Kept over reloads, and forgotten when what would be asked for changes. */
export const loginResourcesShared: Shared<
  { readonly issuer: string; readonly client_id: string; readonly params: Params },
  LoginResources
> = { name: 'login-resources', open: () => makeLoginResources() }
