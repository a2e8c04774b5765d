// Served at /auth/client.js: what a page needs of the bridge. It holds no token, for there is none in the browser.
const bridge = new URL(import.meta.url).origin
const csrfHeader = null
const events = new EventTarget()
const tabs = globalThis.BroadcastChannel && new BroadcastChannel('bascule')
/** undefined: not known yet. */
let signedIn
let asking
let expiry

/** Calls back on `signed-in`, `signed-out` and `step-up`, with the cause as `event.detail`. Returns what ends it. */
export function on(type, listener) {
  events.addEventListener(type, listener)
  return () => events.removeEventListener(type, listener)
}

function tell(type, detail) {
  events.dispatchEvent(new CustomEvent(type, { detail }))
}

/** However many requests fail at once, the page hears of it once. `quietly`: a page that never was signed in learns nothing new. */
function turn(now, detail, quietly) {
  const before = signedIn
  signedIn = now
  if (!now) clearTimeout(expiry)
  if (before === now || (quietly && before === undefined && !now)) return
  tell(now ? 'signed-in' : 'signed-out', detail)
}

/** The answer of /auth/session. Calls that come together ask once. */
export function session() {
  asking ??= ask().finally(() => {
    asking = undefined
  })
  return asking
}

async function ask() {
  const response = await send('/auth/session')
  if (!response.ok) throw new Error(`/auth/session answered ${response.status}`)
  const known = await response.json()
  const news = known.authenticated && signedIn === false
  turn(known.authenticated, known, true)
  if (news) tabs?.postMessage('signed-in')
  clearTimeout(expiry)
  // Timers hold 24 days; a clock that is ahead must not ask without end.
  const wait = Math.min(Math.max(Date.parse(known.expires_at) - Date.now() + 500, 5_000), 2 ** 31 - 1)
  if (known.authenticated) expiry = setTimeout(check, wait)
  return known
}

function check() {
  session().catch(() => {})
}

/** The signed-in user's claims, or null. */
export async function user() {
  const { user: claims = null } = await session()
  return claims
}

/**
 * Leaves the page for the login. `returnTo`: a path of this page's origin; unless said, this page. Of `url` only the query counts: a service
 * can answer a problem of its own making, and `javascript:` or another site must not be where it leads.
 */
export function login({ returnTo = location.pathname + location.search, url } = {}) {
  const back = location.origin === bridge ? returnTo : new URL(returnTo, location.origin).href
  const query = url === undefined ? `?return_to=${encodeURIComponent(back)}` : new URL(url, bridge).search
  location.assign(`${bridge}/auth/login${query}`)
}

/** Signs out here and in all tabs, then goes to where the identity provider ends its own session. */
export async function logout({ redirect = true } = {}) {
  const response = await send('/auth/logout', { method: 'POST' })
  if (!response.ok) throw new Error(`/auth/logout answered ${response.status}`)
  const { logout_url } = await response.json()
  turn(false, { reason: 'logout' })
  tabs?.postMessage('signed-out')
  if (redirect) location.assign(logout_url)
  return logout_url
}

/** As `fetch`, to the bridge only: with the session's cookie and the CSRF header. A 401 of the bridge becomes an event, too. */
export async function request(input, init) {
  const response = await send(input, init)
  if (response.status === 401 && /problem\+json/.test(response.headers.get('content-type'))) {
    const problem = await response.clone().json()
    if (problem.code === 'SESSION_REQUIRED') {
      if (signedIn !== false) tabs?.postMessage('check')
      turn(false, problem)
    } else if (problem.login_url) tell('step-up', problem)
  }
  return response
}
export { request as fetch }

function send(input, init) {
  const asked = new Request(input instanceof Request ? input : new URL(input, bridge), init)
  if (new URL(asked.url).origin !== bridge) throw new TypeError(`${asked.url} is not behind ${bridge}`)
  const headers = new Headers(asked.headers)
  if (csrfHeader) headers.set(csrfHeader, '1')
  return globalThis.fetch(new Request(asked, { headers, credentials: 'include' }))
}

tabs?.addEventListener('message', ({ data }) => {
  if (data === 'signed-out') turn(false, { reason: 'logout' }, true)
  else check()
})
// The browser may show a page of before the logout from its memory.
globalThis.addEventListener?.('pageshow', ({ persisted }) => persisted && check())
