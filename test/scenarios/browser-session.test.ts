// node only: Playwright drives the browser from Node; what it meets is the same on both runtimes
// timeout: 180s
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { freePort, startBascule } from '../kit/bascule.ts'
import { noBrowser, openBrowser } from '../kit/browser.ts'
import { profile } from '../kit/default-profile.ts'
import { startFamilyIdp } from '../kit/families/family-idp.ts'
import { startSocketService } from '../kit/websocket.ts'

t.setTimeout(170_000)
const skip = noBrowser

const html = `<!doctype html><meta charset="utf-8"><title>app</title><body>
<script type="module">
import * as bff from '/auth/client.js'
window.heard = []
for (const type of ['signed-in', 'signed-out', 'step-up']) bff.on(type, ({ detail }) => heard.push(type + ':' + (detail.reason ?? detail.code ?? '')))
window.bff = bff
const me = await bff.user()
document.body.append(Object.assign(document.createElement('p'), { id: 'who', textContent: me ? me.sub : 'nobody' }))
</script>`

interface Seen {
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

async function startApp() {
  const idp = await startFamilyIdp({
    login: () => ({ aud: 'https://api.test' }),
    refresh: () => ({ aud: 'https://api.test', rotate: true }),
  })
  const seen: Seen[] = []
  const service = await startSocketService(t)
  service.http.removeAllListeners('request')
  service.http.on('request', (req: IncomingMessage, res: ServerResponse) => {
    seen.push({ path: req.url ?? '', headers: req.headers })
    if (req.url?.startsWith('/live')) {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      return void res.write('data: first\n\n')
    }
    const page = req.url?.startsWith('/page') || req.url === '/'
    res.writeHead(200, { 'content-type': page ? 'text/html' : 'application/json' }).end(page ? html : '{"ok":true}')
  })
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const bascule = await startBascule(
    t,
    {
      'settings.yaml': `
server: { port: ${port}, public_url: "${origin}" }
auth: { issuer: "${idp.issuer}", client_id: bff, client_secret: a-secret-of-the-browser-test, mint: login }
service_audiences: { api: "https://api.test" }
`,
      'profiles/audience-bridge.yaml': profile(),
      'routes.yaml': `
services: { api: { base_url: "${service.url}" } }
routes:
  - { id: pages, path: "/page/*", target_service: api, upstream_path: "/page/{path}", auth: session, on_unauthenticated: login }
  - { id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session }
  - { id: live, path: "/live/*", target_service: api, upstream_path: "/live/{path}", auth: session, streaming: true, websocket: true }
  - { id: home, path: "/*", target_service: api, upstream_path: "/", auth: none }
`,
    },
    { port },
  )
  const strangers = createServer((_req, res) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>'),
  )
  strangers.listen(0, '127.0.0.1')
  await new Promise((done) => strangers.once('listening', done))
  t.teardown(() => Promise.all([idp.close(), strangers.close(), strangers.closeAllConnections()]))
  return { idp, bascule, origin, seen, elsewhere: `http://127.0.0.1:${(strangers.address() as AddressInfo).port}/` }
}

const app = skip ? undefined : await startApp()
const browser = skip ? undefined : await openBrowser(t)

async function signedIn(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${app!.origin}/auth/login?return_to=/&login_hint=ada`)
  await page.locator('#who', { hasText: 'ada' }).waitFor()
  return page
}

/** In the page, for its client module. */
const run = <T>(page: Page, code: string) => page.evaluate(`(async () => { ${code} })()`) as Promise<T>
const heard = (page: Page, what: string) =>
  page.waitForFunction((text) => Reflect.get(window, 'heard').includes(text), what)

t.test('the helper knows who is signed in, calls services, and survives a reload', { skip }, async (t) => {
  const context = await browser!.newContext()
  const page = await signedIn(context)
  const status = (code: string) => run<number>(page, `return (await ${code}).status`)
  t.equal(await status("bff.fetch('/api/x')"), 200)
  t.equal(
    await status("bff.fetch('/api/x', { method: 'PUT', body: JSON.stringify({ a: 1 }) })"),
    200,
    'with a body too',
  )
  t.match(await run(page, "return bff.fetch('https://example.org/').catch((error) => error.message)"), /is not behind/)
  await page.reload()
  await page.locator('#who', { hasText: 'ada' }).waitFor()
  t.same(await run(page, 'return heard'), ['signed-in:'])
  await context.close()
})

t.test(
  'a logout in one tab ends the other, its event stream and its socket, and the back button shows nothing',
  { skip },
  async (t) => {
    const context = await browser!.newContext()
    const page = await signedIn(context)
    const other = await context.newPage()
    await other.goto(`${app!.origin}/page/secret`)
    await other.locator('#who', { hasText: 'ada' }).waitFor()
    await run(
      other,
      `window.ends = []
    const stream = new EventSource('/live/events')
    stream.addEventListener('session-ended', () => { ends.push('stream'); stream.close() })
    const socket = new WebSocket('/live/socket'.replace(/^/, location.origin.replace('http', 'ws')))
    socket.onclose = ({ code }) => ends.push('socket ' + code)
    await Promise.all([stream, socket].map((one) => new Promise((open) => { one.onopen = open })))`,
    )
    await run(page, 'await bff.logout({ redirect: false })')
    await heard(page, 'signed-out:logout')
    await heard(other, 'signed-out:logout')
    await other.waitForFunction(() => Reflect.get(window, 'ends').length === 2)
    t.same((await run<string[]>(other, 'return ends')).sort(), ['socket 4401', 'stream'])
    t.equal(await run(other, "return (await bff.fetch('/api/x')).status"), 401)
    t.same(
      (await run<string[]>(other, 'return heard')).filter((text) => text.startsWith('signed-out')),
      ['signed-out:logout'],
      'told once',
    )
    await other.goto(`${app!.origin}/`)
    await other.goBack()
    await other.locator('#who').waitFor()
    t.equal(
      await other.locator('#who').textContent(),
      'ada',
      'the page asked for a login anew, which this provider grants at once',
    )
    await context.close()
  },
)

t.test('many requests that fail at once are one event', { skip }, async (t) => {
  const context = await browser!.newContext()
  const page = await signedIn(context)
  await context.clearCookies()
  await run(page, "await Promise.all(Array.from({ length: 10 }, () => bff.fetch('/api/x')))")
  t.same(await run(page, 'return heard'), ['signed-in:', 'signed-out:SESSION_REQUIRED'])
  await context.close()
})

t.test('who asks gets the answer that helps, and background traffic begins no login', { skip }, async (t) => {
  const context = await browser!.newContext()
  const page = await context.newPage()
  await page.goto(`${app!.origin}/`)
  await page.locator('#who').waitFor()
  const before = app!.idp.events.length
  const answers: string[] = []
  page.on('response', (response) => {
    if (response.url().includes('/page/')) answers.push(`${response.url().split('/').at(-1)} ${response.status()}`)
  })
  await run(
    page,
    `const settled = (element, parent = document.body) => new Promise((done) => { element.onload = element.onerror = done; parent.append(element) })
    await fetch('/page/fetch').catch(() => {})
    await settled(Object.assign(new Image(), { src: '/page/image' }))
    await settled(Object.assign(document.createElement('iframe'), { src: '/page/frame' }))
    await settled(Object.assign(document.createElement('link'), { rel: 'prefetch', href: '/page/prefetch' }), document.head)
    await new Promise((done) => { const stream = new EventSource('/page/stream'); stream.onerror = () => { stream.close(); done() } })`,
  )
  t.same(answers.sort(), ['fetch 401', 'frame 401', 'image 401', 'prefetch 401', 'stream 401'])
  t.same(
    (await context.cookies()).map(({ name }) => name),
    [],
    'no state cookie',
  )
  t.equal(app!.idp.events.length, before, 'and nobody was sent to the identity provider')
  await page.goto(`${app!.origin}/page/deep?a=1`)
  await page.locator('#who', { hasText: 'ada' }).waitFor()
  t.equal(page.url(), `${app!.origin}/page/deep?a=1`, 'a person is signed in and lands where they were going')
  await context.close()
})

t.test("another site's form is refused, and its link neither loops nor costs the session", { skip }, async (t) => {
  const context = await browser!.newContext()
  await signedIn(context)
  const page = await context.newPage()
  await page.goto(app!.elsewhere)
  const before = app!.seen.length
  const [answer] = await Promise.all([
    page.waitForResponse(`${app!.origin}/api/x`),
    page.evaluate((url) => {
      const form = Object.assign(document.createElement('form'), { method: 'POST', action: url })
      document.body.append(form)
      form.submit()
    }, `${app!.origin}/api/x`),
  ])
  t.ok([401, 403].includes(answer.status()), `a form of another site: ${answer.status()}`)
  t.notOk(app!.seen.slice(before).some(({ path }) => path === '/x'))
  await page.waitForURL(`${app!.origin}/api/x`)
  await page.goto(app!.elsewhere)
  await page.evaluate((url) => {
    const link = Object.assign(document.createElement('a'), { href: url })
    document.body.append(link)
    link.click()
  }, `${app!.origin}/page/linked`)
  await page.locator('#who', { hasText: 'ada' }).waitFor()
  t.equal(page.url(), `${app!.origin}/page/linked`)
  await context.close()
})

t.test('twenty tabs sign in at once', { skip }, async (t) => {
  const context = await browser!.newContext()
  const tabs = await Promise.all(Array.from({ length: 20 }, () => context.newPage()))
  await Promise.all(tabs.map((tab, n) => tab.goto(`${app!.origin}/page/${n}`)))
  // Each login ends the session of the one before: a page that asked just then asks once more.
  await Promise.all(
    tabs.map((tab) => tab.waitForFunction(async () => (await Reflect.get(window, 'bff')?.user())?.sub === 'ada')),
  )
  t.same(
    tabs.map((tab) => new URL(tab.url()).pathname),
    tabs.map((_, n) => `/page/${n}`),
  )
  const states = (await context.cookies()).filter(({ name }) => name.startsWith('bff_')).map(({ name }) => name)
  t.equal(new Set(states).size, states.length, 'and no cookie piles up')
  await context.close()
})
