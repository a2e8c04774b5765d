// node only: Playwright drives the browser from Node; what it meets is the same on both runtimes
// timeout: 120s
import t from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { noBrowser, openBrowser } from '../kit/browser.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { startUpstream } from '../kit/upstream.ts'

t.setTimeout(110_000)
const skip = noBrowser

t.test('the console shows requests as they end, and a hostile path is only text', { skip }, async (t) => {
  const upstream = await startUpstream(t, (_req, res) => res.end('ok'))
  const bascule = await startBascule(t, {
    'settings.yaml': settings('server: { public_urls: ["https://partner.example.org"] }'),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_urls: ["${upstream.url}", "http://127.0.0.2:9"] } }
routes: [{ id: one, path: "/one/*", target_service: api, preserve_path: true, auth: none }]
`,
  })
  const browser = await openBrowser(t)
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } })
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  const watching = page.waitForResponse((answer) => answer.url().endsWith('/traces'))
  await page.goto(bascule.adminUrl)
  await watching
  await page.getByRole('cell', { name: 'one', exact: true }).waitFor()
  await page.getByRole('cell', { name: `${upstream.url}, http://127.0.0.2:9`, exact: true }).waitFor()
  t.match(await page.locator('#state').innerText(), ', https://partner.example.org', 'every origin')
  t.match(await page.locator('#facts').innerText(), /Routes\s+1\s+Endpoints\s+11\s/, 'endpoints are no routes')
  t.same(await page.locator('#routes tr').count(), 1)
  t.match(await page.locator('#endpoints').innerText(), /auth-login.*\/auth\/login.*end-sessions.*admin listener/s)

  await fetch(`${bascule.url}/one/a?code=secret`)
  await fetch(`${bascule.url}/'"><img src=x onerror=alert(1)>`)
  await page.locator('#requests > li').nth(1).waitFor()
  const [odd, good] = await page.locator('#requests > li').allInnerTexts()
  t.match(good, /200.*GET.*\/one\/a.*one · api/s)
  t.match(odd, /404.*img.*ROUTE_NOT_FOUND/s)
  t.notMatch(await page.content(), /secret/)
  await page.locator('summary').last().click()
  t.match(await page.locator('.stages').last().innerText(), /route-match.*forward.*the rest/s)
  await page.getByLabel('Filter requests').fill('/one')
  t.equal(await page.locator('#requests > li:visible').count(), 1)
  t.equal(
    await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    true,
    'nothing sticks out of a phone',
  )
  t.same(complaints, [])

  const foreign = await browser.newPage()
  await foreign.goto(`${bascule.url}/one/page`)
  const blocked = await foreign.evaluate(
    `fetch('${bascule.adminUrl}/status', { mode: 'no-cors' }).then((r) => r.type, (e) => String(e))`,
  )
  t.match(String(blocked), /opaque|TypeError/, 'a page elsewhere reads nothing')
})
