import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { interact } from './interactions.ts'
import { errorPage } from './pages.ts'

const assets = new Map(
  ['idp.css', 'submit.js'].map((name) => [
    `/assets/${name}`,
    {
      type: name.endsWith('.css') ? 'text/css' : 'text/javascript',
      text: readFileSync(new URL(name, import.meta.url)),
    },
  ]),
)

/** `current` is asked for every request: the provider is replaced when its files change. */
export function createIdpServer(current: () => Provider, trustedOrigins: readonly string[]): Server {
  const headers = securityHeaders(trustedOrigins)
  return createServer((req, res) => {
    for (const [name, value] of headers) res.setHeader(name, value)
    answer(current(), req, res).catch(() => {
      if (!res.headersSent) res.writeHead(500, { 'content-type': 'text/html; charset=utf-8' })
      res.end(errorPage('server_error', 'The development identity provider failed. Sign in again.'))
    })
  })
}

async function answer(provider: Provider, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const path = req.url?.split('?')[0] ?? '/'
  const asset = assets.get(path)
  if (asset !== undefined) res.writeHead(200, { 'content-type': `${asset.type}; charset=utf-8` }).end(asset.text)
  else if (path.startsWith('/interaction/')) await interact(provider, req, res)
  else await provider.callback()(req, res)
}

/** A form that ends in a redirect to the application is stopped by `form-action` unless the application is named too. */
function securityHeaders(trustedOrigins: readonly string[]): readonly (readonly [string, string])[] {
  const policy = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    'img-src data:',
    `form-action 'self' ${trustedOrigins.join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return [
    ['content-security-policy', policy.join('; ')],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['cache-control', 'no-store'],
  ]
}
