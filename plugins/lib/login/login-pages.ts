// The pages a browser may see on its way through a login. No script, nothing of the token, nothing cached.
import { hash } from 'node:crypto'
import type { RawHeaders } from '../../../core/index.ts'

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem;color:#1c2330}' +
  'h1{font-size:1.3rem}p{color:#475063}a{color:#1f4fd8}small{color:#76809a}' +
  '@media(prefers-color-scheme:dark){body{background:#12151c;color:#e8ebf2}p{color:#a9b2c5}a{color:#8fb0ff}}'

/** Only this page's own style may load; it may not be framed, and may not post anywhere. */
const policy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export const pageHeaders: RawHeaders = [
  'Content-Type',
  'text/html; charset=utf-8',
  'Cache-Control',
  'no-store',
  'Referrer-Policy',
  'no-referrer',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  policy,
]

/**
 * Goes on by itself. A page and not a redirect: the request after a redirect still counts as the identity provider's, and a browser
 * would not send the Strict session cookie with it (BBA-5). The code leaves the address bar and the history (BCP-9).
 */
export function continuePage(target: string): string {
  const link = `<p><a href="${escapeHtml(target)}">Continue</a></p>`
  return page('Signed in', `<h1>Signed in</h1>${link}`, target)
}

/** Comes back to the login from a page of ours, so that the browser sends its Strict cookie along. */
export function onwardPage(target: string): string {
  const link = `<p><a href="${escapeHtml(target)}">Continue</a></p>`
  return page('Signing in', `<h1>One moment</h1>${link}`, target)
}

interface FailurePage {
  readonly title: string
  readonly detail: string
  readonly correlationId: string
  readonly retry: string
  /** Whether to go to `retry` without being asked. */
  readonly goOn?: boolean
}

export function failurePage({ title, detail, correlationId, retry, goOn }: FailurePage): string {
  const words = `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(detail)}</p>`
  const link = `<p><a href="${escapeHtml(retry)}">Sign in again</a></p>`
  const id = `<p><small>${escapeHtml(correlationId)}</small></p>`
  return page(title, `${words}${link}${id}`, goOn ? retry : undefined)
}

function page(title: string, body: string, target: string | undefined): string {
  const refresh = target === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escapeHtml(target)}">`
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width">${refresh}`
  return `<!doctype html><html lang="en"><head>${head}<title>${escapeHtml(title)}</title><style>${style}</style></head><body>${body}</body></html>`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => escapes[char] ?? '')
}
