// The default profile between a client and an upstream that are both bytes: what goes in, what comes out, and nothing in between.
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import process from 'node:process'
import type { Test } from 'tap'
import { type RunningBascule, startBascule } from './bascule.ts'
import { startBridge } from './bridge.ts'
import { profile, settings } from './default-profile.ts'
import { loginByFetch } from './login.ts'
import { type RawAnswer, type RawClient, rawClient } from './raw-client.ts'
import { type RawUpstream, rawUpstream, whole } from './raw-upstream.ts'
import { requestsIn, type StrictRequest } from './strict-reader.ts'

export type Script = (text: string, socket: Socket) => void

/** Answers once a head is there, and a body where one was announced. */
export const fine: Script = (text, socket) => {
  if (endsWhole(text)) socket.write(whole('fine'))
}

function endsWhole(text: string): boolean {
  try {
    const { all, body } = requestsIn(text).at(-1)!
    return body.length >= Number(all('content-length')[0] ?? 0)
  } catch {
    return false
  }
}

const routes = (url: string, service = 'api', timeout = '5s') => `
services: { ${service}: { base_url: "${url}", timeout: ${timeout} } }
routes:
  - { id: open, path: "/open/*", target_service: ${service}, upstream_path: "/{path}", auth: none }
  - { id: kept, path: "/kept/*", target_service: ${service}, upstream_path: "/{path}", auth: none, encoded_slash: keep }
  - { id: named, path: "/named/{id}/x", target_service: ${service}, upstream_path: "/n/{id}", auth: none }
  - { id: loose, path: "/loose/a*", target_service: ${service}, upstream_path: "/{path}", auth: none }
  - { id: cookies, path: "/cookies/*", target_service: ${service}, upstream_path: "/{path}", auth: none, forward_cookies: [theme] }
  - { id: reading, path: "/reading", methods: [GET], target_service: ${service}, upstream_path: "/reading", auth: none }
  - { id: hosted, path: "/hosted", hosts: [other.example], target_service: ${service}, upstream_path: "/hosted", auth: none }
  - { id: guarded, path: "/guarded/*", target_service: ${service}, upstream_path: "/{path}", auth: session }
`

export interface RawBridge {
  readonly bascule: RunningBascule
  readonly upstream: RawUpstream
  /** Sends bytes on a connection of their own. */
  send(bytes: string): RawClient
  /** The first whole answer to these bytes, and what the upstream heard for them. */
  ask(bytes: string): Promise<RawAnswer & { readonly client: RawClient }>
  /** The requests that reached the upstream since the last time. Throws where they are not well-formed. */
  arrived(): StrictRequest[]
}

/** settings.yaml of `startRawBridge`, with more keys of `server`. */
export function openSettings(server: string): string {
  return settings(`server: { public_url: "http://app.example", ${server} }`)
}

/** Without a login: routes open, kept, named, loose, cookies, reading, hosted, guarded. */
export async function startRawBridge(t: Test, script: Script = fine, server = '', timeout = '5s'): Promise<RawBridge> {
  const upstream = await rawUpstream(script)
  t.teardown(() => upstream.close())
  const bascule = await startBascule(t, {
    'settings.yaml': openSettings(server),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': routes(upstream.url, 'api', timeout),
  })
  return new Between(t, bascule, upstream)
}

/** With an identity provider and a session: its cookie, and the same routes. */
export async function startSessionBridge(t: Test, script: Script = fine): Promise<RawBridge & { cookie: string }> {
  const upstream = await rawUpstream(script)
  t.teardown(() => upstream.close())
  const files = () => ({ 'routes.yaml': routes(upstream.url, 'analytics_service') })
  const { bascule, origin } = await startBridge(t, { files })
  const { cookie } = await loginByFetch(origin)
  return Object.assign(new Between(t, bascule, upstream), { cookie })
}

class Between implements RawBridge {
  readonly bascule: RunningBascule
  readonly upstream: RawUpstream
  readonly #t: Test
  readonly #read: number[] = []

  constructor(t: Test, bascule: RunningBascule, upstream: RawUpstream) {
    this.#t = t
    this.bascule = bascule
    this.upstream = upstream
  }

  send(bytes: string): RawClient {
    const client = rawClient(this.#t, this.bascule.url)
    client.send(Buffer.from(bytes, 'latin1'))
    return client
  }

  async ask(bytes: string): Promise<RawAnswer & { client: RawClient }> {
    const client = this.send(bytes)
    const [answer] = await client.answers(1)
    return { ...answer!, client }
  }

  arrived(): StrictRequest[] {
    return this.upstream.heard.flatMap((text, i) => {
      const more = text.slice(this.#read[i] ?? 0)
      this.#read[i] = text.length
      return requestsIn(more)
    })
  }
}

/** `CASE=H1-4` runs the cases whose ids or name contain that, and no other. */
export function chosen<C extends { readonly ids: string; readonly what: string }>(cases: readonly C[]): readonly C[] {
  const word = process.env.CASE
  return word === undefined ? cases : cases.filter(({ ids, what }) => `${ids}: ${what}`.includes(word))
}
