import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { script } from './console-script.ts'
import { style } from './console-style.ts'

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Bascule</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
  <h1>Bascule</h1>
  <p id="state" role="status">connecting…</p>
  <nav><a href="/metrics">metrics</a> <a href="/healthz">healthz</a> <a href="/readyz">readyz</a></nav>
</header>
<main>
  <noscript><p>This page needs its script. The same data: <a href="/status">/status</a>, <a href="/routes">/routes</a>, <a href="/traces">/traces</a>.</p></noscript>
  <dl id="facts"></dl>
  <section aria-labelledby="live">
    <h2 id="live">Requests</h2>
    <div class="tools">
      <input id="filter" type="search" placeholder="path, route, service, code or id" aria-label="Filter requests">
      <button id="pause" type="button" aria-pressed="false">Pause</button>
    </div>
    <ol id="requests"></ol>
    <p id="quiet">None yet. They appear here as they end.</p>
  </section>
  <section aria-labelledby="what">
    <h2 id="what">Routes</h2>
    <div class="wide"><table>
      <thead><tr><th>Route</th><th>Path</th><th>Auth</th><th>Goes to</th></tr></thead>
      <tbody id="routes"></tbody>
    </table></div>
    <p id="more-routes" class="more" hidden></p>
  </section>
  <section aria-labelledby="own">
    <h2 id="own">Endpoints</h2>
    <div class="wide"><table>
      <thead><tr><th>Endpoint</th><th>Path</th><th>Auth</th><th>Plugin</th></tr></thead>
      <tbody id="endpoints"></tbody>
    </table></div>
    <p id="more-endpoints" class="more" hidden></p>
  </section>
  <section aria-labelledby="whither">
    <h2 id="whither">Services</h2>
    <div class="wide"><table><thead><tr><th>Service</th><th>Origin</th></tr></thead><tbody id="services"></tbody></table></div>
  </section>
</main>
<script>${script}</script>
</body>
</html>
`

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

/** Paths of requests are shown here, and anybody can choose those: nothing runs but what is in this file. */
const policy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** One page for people, without anything to load. */
export function sendConsole(res: ServerResponse): void {
  res.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  })
  res.end(page)
}
