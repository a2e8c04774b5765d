import type { CookieJar } from '../../kit/cookie-jar.ts'
import { wireFetch } from './wire-fetch.ts'

/** What a browser says when a person opens a page. */
export const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

/** As a browser: its cookies go along and are kept. */
export async function ask(url: string, jar: CookieJar): Promise<Response> {
  const cookie = jar.header(url)
  const headers = { ...page, ...(cookie === undefined ? {} : { cookie }) }
  const answer = await wireFetch(url, { headers })
  jar.keep(url, answer.headers)
  return answer
}

/** To the callback's address, without opening it. */
export async function toCallback(url: string, jar: CookieJar): Promise<string> {
  let at = url
  for (let hop = 0; hop < 10; hop++) {
    const answer = await ask(at, jar)
    const next = answer.headers.get('location')
    if (next === null) throw new Error(`${at} answered ${answer.status}: ${await answer.text()}`)
    at = new URL(next, at).href
    if (at.includes('/auth/callback?')) return at
  }
  throw new Error('no callback')
}
