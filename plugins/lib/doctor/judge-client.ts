// The client by name: every service falls with it.
import type { Case } from './case.ts'
import type { IdpFiles } from './idp-files.ts'
import { nearest } from './likeness.ts'

/** False: the rest cannot be judged, for nobody knows which client it is about. */
export function judgeClient(c: Case, idp: IdpFiles): boolean {
  const { client_id: id } = c.host.section('auth')
  const { clients } = idp.policy
  if (clients.has(id)) return !isSomeoneElse(c, idp, id)
  const near = nearest(id, clients.keys()) ?? soleFit(c, idp)
  const known = [...clients.keys()].join(', ') || 'none'
  if (near === undefined) {
    for (const service of c.services) c.state(service, 'idp_client', 'missing')
    const message = `The identity provider has no client ${id} (auth.client_id); it has ${known}.`
    c.fault('client_unknown', 'idp_client', undefined, message, {
      place: idp.clients.place([]),
      change: { edit: 'add', text: newClient(c, id) },
    })
    return false
  }
  sayClient(c, idp, near, `The identity provider has no client ${id}; it has ${known}.`)
  return false
}

/** A client that is there and may nothing of what is needed, beside one that may it all: the wrong name. */
function isSomeoneElse(c: Case, idp: IdpFiles, id: string): boolean {
  const audiences = neededOf(c)
  const own = idp.policy.clients.get(id)!
  if (audiences.length < 2 || audiences.some((audience) => own.allowedAudiences.includes(audience))) return false
  const fit = soleFit(c, idp)
  if (fit === undefined) return false
  sayClient(
    c,
    idp,
    fit,
    `The client ${id} may have none of the audiences that are needed, and ${fit} may have them all.`,
  )
  return true
}

function sayClient(c: Case, idp: IdpFiles, name: string, why: string): void {
  for (const service of c.services) c.state(service, 'settings', 'client')
  const { line } = idp.clients.place([name], 'key')
  const message = `${why} auth.client_id must be spelled as in clients.yaml (line ${line} there).`
  c.fault('client_unknown', 'settings', undefined, message, {
    place: c.setting(['auth', 'client_id']),
    change: { edit: 'replace', text: name },
  })
}

/** The one client that may have every audience. */
function soleFit(c: Case, { policy }: IdpFiles): string | undefined {
  const audiences = neededOf(c)
  const fits = [...policy.clients].filter(([, client]) =>
    audiences.every((audience) => client.allowedAudiences.includes(audience)),
  )
  return audiences.length > 0 && fits.length === 1 ? fits[0]![0] : undefined
}

function neededOf(c: Case): readonly string[] {
  return [...new Set([...c.tokens.values()].map(({ wish }) => wish.audience))]
}

function newClient(c: Case, id: string): string {
  const { oauth_scopes: scopes } = c.host.section('auth')
  const audiences = neededOf(c).map((audience) => `    - ${audience}`)
  return [`${id}:`, `  scopes: [${scopes.join(', ')}]`, '  allowed_audiences:', ...audiences].join('\n')
}
