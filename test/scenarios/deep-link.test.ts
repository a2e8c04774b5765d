// node only: Playwright drives the browser from Node; what it meets is the same on both runtimes
// timeout: 60s
import { existsSync } from 'node:fs'
import process from 'node:process'
import { chromium } from 'playwright-core'
import t from 'tap'
import { startBridge } from '../kit/bridge.ts'
import { startUpstream } from '../kit/upstream.ts'

const executablePath = [process.env.BASCULE_CHROMIUM, process.env.CHROME_PATH, '/usr/bin/chromium'].find(
  (path) => path !== undefined && existsSync(path),
)
const skip = executablePath === undefined && 'no Chromium: set BASCULE_CHROMIUM or CHROME_PATH to one'

t.test('links on another site: the first signs in, the second finds the session', { skip }, async (t) => {
  const { origin, idp } = await startBridge(t)
  const link = `<a href="${origin}/auth/login?return_to=/api/crud/x">go</a>`
  // 127.0.0.1 and localhost are two sites.
  const elsewhere = await startUpstream(t, (_req, res) => res.setHeader('content-type', 'text/html').end(link))
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--headless', '--no-sandbox', '--disable-gpu'],
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  for (const visit of ['first', 'second']) {
    await page.goto(elsewhere.url)
    await page.click('a')
    await page.waitForURL(`${origin}/api/crud/x`)
    t.match(await page.textContent('body'), '"url":"/api/crud/x"', visit)
    t.equal(idp.counts.code, 1, `${visit}: one login`)
  }
})
