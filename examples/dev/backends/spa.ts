import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const

const files = new Map(
  ['index.html', 'style.css', 'app.js', 'view.js', 'icon.svg'].map((name) => {
    const type = types[name.split('.').at(-1) as keyof typeof types]
    const body = readFileSync(new URL(`../spa/${name}`, import.meta.url))
    return [name === 'index.html' ? '/' : `/${name}`, { type: `${type}; charset=utf-8`, body }]
  }),
)

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-cache',
}

/** The sample page's files, and nothing else: no path of the request ever reaches the file system. */
export function createSpa(): Server {
  return createServer((req, res) => {
    const file = files.get(req.url?.split('?')[0] ?? '')
    if (file === undefined)
      res.writeHead(404, { ...headers, 'content-type': 'text/plain' }).end('The sample page has no such file.\n')
    else
      res
        .writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.body.length })
        .end(req.method === 'HEAD' ? undefined : file.body)
  })
}
