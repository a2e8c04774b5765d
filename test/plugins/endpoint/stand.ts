// A bridge whose identity provider says whatever the test wants.
import { freePort, startBascule, type TestLike } from '../../kit/bascule.ts'
import { CookieJar } from '../../kit/cookie-jar.ts'
import { profile } from '../../kit/default-profile.ts'
import { type HostileIdp, startHostileIdp } from '../../kit/hostile-idp.ts'
import { startUpstream } from '../../kit/upstream.ts'
import { ask, toCallback } from './browse.ts'

export interface StandOptions {
  /** More keys of `server`, beginning with a comma. */
  readonly server?: string
  /** More lines of settings.yaml, and of a route. */
  readonly settings?: string
  readonly auth?: string
  readonly routes?: string
  readonly files?: Readonly<Record<string, string>>
  readonly idp?: HostileIdp
}

export async function stand(
  t: TestLike,
  { server = '', settings = '', auth = '', routes = '', files: more = {}, idp: given }: StandOptions = {},
) {
  const idp = given ?? (await startHostileIdp(t))
  const port = await freePort()
  const api = await startUpstream(t, (_req, res) => res.end('reached'))
  const url = `http://127.0.0.1:${port}`
  const settingsWith = (more: string) => `
server: { port: ${port}, public_url: "${url}"${server} }
auth: { issuer: "${idp.issuer}", client_id: bff, client_secret: "a client secret of the bridge"${auth && `, ${auth}`} }
service_audiences: { api: "https://api.test" }
${more}
`
  const files = {
    ...more,
    'settings.yaml': settingsWith(settings),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${api.url}" } }
routes:
  - { id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session }
${routes}
`,
  }
  const bff = await startBascule(t, files, { port })
  /** The session's cookie. */
  const login = async (jar = new CookieJar()) => {
    const answer = await ask(await toCallback(`${url}/auth/login`, jar), jar)
    const id = jar.get('bff_session')
    if (id === undefined) throw new Error(`not signed in: ${answer.status} ${await answer.text()}`)
    return `bff_session=${id}`
  }
  const status = async (cookie: string, path = '/api/x') => (await fetch(url + path, { headers: { cookie } })).status
  return { idp, api, url, bff, login, status, settingsWith }
}
