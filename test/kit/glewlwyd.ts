// Glewlwyd as Debian packages it, on loopback with a database of its own, set up through its admin API. A provider of another make:
// written in C, no line shared with the one that the other tests log in to.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { exportJWK, generateKeyPair } from 'jose'
import { tempDir } from './bascule.ts'
import { CookieJar } from './cookie-jar.ts'
import { freePort } from './free-port.ts'
import { browserFetch } from './login.ts'
import type { TestLike } from './raw-client.ts'

const program = '/usr/bin/glewlwyd'
/** Tables and the first administrator. */
const seed = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'

/** Why it cannot run here; undefined: it can. */
export function glewlwydMissing(): string | undefined {
  if (!existsSync(program) || !existsSync(seed)) return 'no glewlwyd here (apt-get install glewlwyd)'
  return spawnSync('sqlite3', ['--version']).error && 'no sqlite3 here (apt-get install sqlite3)'
}

/** Of its session, the one that ID tokens name `sid`. */
const sidCookie = 'GLEWLWYD2_OIDC_SID'

export interface GlewlwydOptions {
  /** Where the bridge is. */
  readonly origin: string
  readonly resources: readonly string[]
  /** Every redeem gives a new refresh token, and an old one that comes again breaks the chain. */
  readonly oneTime?: boolean
  /** Seconds. */
  readonly accessTokenTtl?: number
  /** Pushed authorization requests: required, the default, or not known at all. */
  readonly par?: boolean
}

export interface Glewlwyd {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** A new browser's walk through its login page and back to the bridge, which ends with a session. */
  login(): Promise<GlewlwydUser>
  /** What it says while it runs. */
  log(): string
}

export interface GlewlwydUser {
  /** The answer of the bridge's callback. */
  readonly callback: Response
  /** How often its login page was shown on the way: once for the password, and then only to be clicked away. */
  readonly pages: number
  /** As this browser: cookies go along and are kept. */
  fetch(pathOrUrl: string, init?: RequestInit): Promise<Response>
  /** Signs out at the provider, which tells its clients so by the back channel. */
  endAtProvider(): Promise<void>
  /** Takes back what was granted to clients, as its profile page can. */
  revokeAtProvider(): Promise<void>
}

export async function startGlewlwyd(t: TestLike, options: GlewlwydOptions): Promise<Glewlwyd> {
  const port = await freePort()
  const base = `http://127.0.0.1:${port}`
  const dir = tempDir(t, {})
  const database = join(dir, 'glewlwyd.db')
  // In one go, and with a log ahead: each write of its own would wait for the disk, which others have too.
  const input = `PRAGMA journal_mode=WAL; BEGIN;\n${readFileSync(seed, 'utf8')}\nCOMMIT;`
  const made = spawnSync('sqlite3', [database], { input, encoding: 'utf8' })
  if (made.status !== 0) throw new Error(`sqlite3: ${made.stderr}`)
  const conf = tempDir(t, { 'glewlwyd.conf': config(port, base, database) })
  const logFile = join(dir, 'log')
  const log = openSync(logFile, 'a')
  const child = spawn(program, ['-c', join(conf, 'glewlwyd.conf')], { stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = once(child, 'exit')
  t.teardown(async () => {
    if (child.exitCode === null && child.kill()) await ended
  })
  const read = () => readFileSync(logFile, 'utf8')
  await Promise.race([listens(base), ended.then(() => Promise.reject(new Error(`glewlwyd ended:\n${read()}`)))])

  const client = { clientId: 'bff-server', clientSecret: 'glewlwyd-client-secret' }
  await setUp(base, { ...options, ...client })
  return {
    ...client,
    issuer: `${base}/api/oidc`,
    login: () => login(base, client.clientId, options.origin),
    log: read,
  }
}

async function listens(base: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (
      await fetch(`${base}/api/auth`).then(
        () => true,
        () => false,
      )
    )
      return
    await pause(50)
  }
  throw new Error('glewlwyd does not listen')
}

function config(port: number, base: string, database: string): string {
  const modules = ['user', 'client', 'plugin'].map((kind) => `${kind}_module_path="/usr/lib/glewlwyd/${kind}"`)
  return `
port=${port}
bind_address="127.0.0.1"
external_url="${base}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="INFO"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
session_expiration=2419200
admin_scope="g_admin"
profile_scope="g_profile"
${modules.join('\n')}
user_middleware_module_path="/usr/lib/glewlwyd"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
hash_algorithm="SHA512"
database = { type = "sqlite3"; path = "${database}" };
`
}

async function setUp(base: string, options: GlewlwydOptions & { clientId: string; clientSecret: string }) {
  const admin = browserFetch(base, new CookieJar())
  const post = (path: string, body: object) => ask(admin, path, 'POST', body)
  await post('/api/auth', { username: 'admin', password: 'password' })
  await post('/api/user', { username: 'ada', name: 'Ada', password: 'ada', scope: ['g_profile', 'openid'] })
  await post('/api/mod/plugin', {
    ...{ module: 'oidc', name: 'oidc', display_name: 'OpenID Connect', enabled: true },
    parameters: await parameters(base, options),
  })
  const { origin, clientId, clientSecret, resources } = options
  await post('/api/client', {
    ...{ client_id: clientId, name: 'The bridge', client_secret: clientSecret, confidential: true, enabled: true },
    ...{ scope: [], authorization_type: ['code', 'refresh_token', 'client_credentials'], resource: resources },
    redirect_uri: [`${origin}/auth/callback`],
    token_endpoint_auth_method: ['client_secret_post', 'client_secret_basic'],
    post_logout_redirect_uri: `${origin}/`,
    backchannel_logout_uri: `${origin}/auth/backchannel-logout`,
    backchannel_logout_session_required: '1',
  })
}

async function parameters(base: string, { oneTime = false, accessTokenTtl = 300, par = true }: GlewlwydOptions) {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  return {
    iss: `${base}/api/oidc`,
    'jwks-private': JSON.stringify({ keys: [key] }),
    'default-kid': 'k1',
    'jwks-show': true,
    'oauth-as-iss-id': true,
    ...{ 'access-token-duration': accessTokenTtl, 'refresh-token-duration': 3600, 'code-duration': 60 },
    ...{ 'refresh-token-rolling': false, 'refresh-token-one-use': oneTime ? 'always' : 'never' },
    ...{ 'auth-type-code-enabled': true, 'auth-type-refresh-enabled': true, 'auth-type-client-enabled': true },
    ...{ 'allow-non-oidc': false, 'allowed-scope': ['openid'], 'subject-type': 'public' },
    ...{ 'pkce-allowed': true, 'pkce-required': true },
    ...{ 'introspection-revocation-allowed': true, 'introspection-revocation-allow-target-client': true },
    ...{ 'session-management-allowed': true, 'back-channel-logout-allowed': true },
    ...{ 'session-cookie-name': sidCookie, 'session-cookie-expiration': 3600 },
    ...{ 'resource-allowed': true, 'resource-client-property': 'resource' },
    ...{ 'oauth-par-allowed': par, 'oauth-par-required': par, 'oauth-par-duration': 90 },
    'oauth-par-request_uri-prefix': 'urn:ietf:params:oauth:request_uri:',
  }
}

/** What its login page does in JavaScript: the password, the consent, and back to where the page was asked from. */
async function login(base: string, clientId: string, origin: string): Promise<GlewlwydUser> {
  const jar = new CookieJar()
  const browser = browserFetch(origin, jar)
  const page = { headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' } }
  let url = `${origin}/auth/login?return_to=/`
  let pages = 0
  for (let hop = 0; hop < 15; hop++) {
    const callback = await browser(url, page)
    if (url.startsWith(`${origin}/auth/callback`) && callback.status === 200)
      return { callback, pages, ...userOf(base, browser, jar) }
    const location = callback.headers.get('location')
    if (location === null) throw new Error(`${url} answers ${callback.status}: ${await callback.text()}`)
    url = new URL(location, url).href
    if (!url.startsWith(`${base}/login.html`)) continue
    if (pages++ === 0) {
      await ask(browser, `${base}/api/auth`, 'POST', { username: 'ada', password: 'ada' })
      await ask(browser, `${base}/api/auth/grant/${clientId}`, 'PUT', { scope: 'openid' })
    }
    url = `${new URL(url).searchParams.get('callback_url')}&g_continue`
  }
  throw new Error(`the login did not end; last at ${url}`)
}

function userOf(base: string, browser: Ask, jar: CookieJar): Omit<GlewlwydUser, 'callback' | 'pages'> {
  return {
    fetch: browser,
    endAtProvider: () => ask(browser, `${base}/api/oidc/session/${jar.get(sidCookie)}`, 'DELETE'),
    revokeAtProvider: () => ask(browser, `${base}/api/oidc/token/`, 'DELETE'),
  }
}

type Ask = ReturnType<typeof browserFetch>

async function ask(browser: Ask, url: string, method: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await browser(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const said = await response.text()
  if (response.status !== 200) throw new Error(`glewlwyd: ${method} ${url}: ${response.status} ${said}`)
}
