import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { defineEndpoint } from '../../core/index.ts'
import { sections } from '../lib/settings/settings.ts'

const source = new URL('../client/client.js', import.meta.url)
const place = 'const csrfHeader = null'

/** The browser's half, as one ES module: who is signed in, login, logout, and a fetch that knows the bridge's answers. */
export default defineEndpoint({
  name: 'client-js',
  sections: { session: sections.session },
  paths: () => [{ id: 'auth-client-js', path: '/auth/client.js', methods: ['GET', 'HEAD'], auth: 'none' }],
  setup(host) {
    const text = readFileSync(source, 'utf8')
    if (!text.includes(place)) throw new Error(`${source.pathname} lacks the line "${place}"`)
    const { csrf_header } = host.section('session')
    const body = text.replace(place, () => `const csrfHeader = ${JSON.stringify(csrf_header)}`)
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
    const headers = [
      ...['Content-Type', 'text/javascript; charset=utf-8', 'ETag', etag],
      // Asked again each time: an old page with a new bridge, or the other way round, would not understand each other.
      ...['Cache-Control', 'no-cache', 'X-Content-Type-Options', 'nosniff'],
    ]
    return () => (x) =>
      x.header('if-none-match') === etag
        ? x.reply(304, 'OK', { headers: headers.slice(2) })
        : x.reply(200, 'OK', { headers, body })
  },
})
