import { CookieJar } from './cookie-jar.ts'

export interface LoginOptions {
  readonly user?: string
  /** The dev IdP's passwords are the names. */
  readonly password?: string
  readonly returnTo?: string
  /** A browser that was here before. */
  readonly jar?: CookieJar
}

export interface LoggedIn {
  readonly jar: CookieJar
  /** The `Cookie` header to send to the bridge: the session's cookie only, not the identity provider's. */
  readonly cookie: string
  /** The answer of the callback. */
  readonly callback: Response
  /** As this browser: cookies go along and are kept. Redirects are not followed. */
  fetch(pathOrUrl: string, init?: RequestInit): Promise<Response>
}

const hops = 15

/** Signs in as a browser would, through every redirect and the dev IdP's form, with plain fetch. */
export async function loginByFetch(bffUrl: string, options: LoginOptions = {}): Promise<LoggedIn> {
  const { user = 'ada', password = user, returnTo = '/', jar = new CookieJar() } = options
  const ask = browserFetch(bffUrl, jar)
  const form = new URLSearchParams({ login: user, password })
  const { response: callback, url } = await walk(ask, loginUrl(bffUrl, returnTo, user), form)
  const cookie = jar
    .header(bffUrl)
    ?.split('; ')
    .find((pair) => /^(__Host-)?bff_session=/.test(pair))
  if (callback === undefined || cookie === undefined)
    throw new Error(`no session cookie after ${url}: ${callback?.status} ${await callback?.text()}`)
  return { jar, cookie, callback, fetch: ask }
}

type Ask = (pathOrUrl: string, init?: RequestInit) => Promise<Response>

export function browserFetch(base: string, jar: CookieJar): Ask {
  return async (pathOrUrl, init = {}) => {
    const url = new URL(pathOrUrl, base)
    const headers = new Headers(init.headers)
    const cookie = jar.header(url)
    if (cookie !== undefined && !headers.has('cookie')) headers.set('cookie', cookie)
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    jar.keep(url, response.headers)
    return response
  }
}

/** Until a page that is neither a redirect nor a form, or until an address that begins with `end`, which is not asked. */
export async function walk(
  ask: Ask,
  start: string,
  form: URLSearchParams,
  end?: string,
): Promise<{ url: string; response?: Response }> {
  let url = start
  let response = await ask(url, navigation)
  for (let hop = 0; hop < hops; hop++) {
    const location = response.headers.get('location')
    const action = location === null ? await formAction(response, url) : undefined
    if (location === null && action === undefined) return { url, response }
    if (location !== null) await response.body?.cancel()
    url = action ?? new URL(location ?? '', url).href
    if (end !== undefined && url.startsWith(end)) return { url }
    response = await ask(url, action === undefined ? navigation : { ...navigation, method: 'POST', body: form })
  }
  throw new Error(`the login did not end after ${hops} hops; last at ${url}`)
}

const navigation = { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' } }

async function formAction(response: Response, url: string): Promise<string | undefined> {
  if (!response.headers.get('content-type')?.startsWith('text/html')) return undefined
  const page = await response.clone().text()
  if (!/type="password"/.test(page)) return undefined
  if (/role="alert"/.test(page)) throw new Error('the identity provider refused the password')
  const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1]
  return new URL(action ?? url, url).href
}

function loginUrl(bffUrl: string, returnTo: string, user: string): string {
  return new URL(`/auth/login?${new URLSearchParams({ return_to: returnTo, login_hint: user })}`, bffUrl).href
}
