// node only: Playwright drives the browser from Node; what it meets is the same on both runtimes
// timeout: 180s
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { noBrowser, openBrowser } from '../kit/browser.ts'
import { startDevStack } from '../kit/dev-stack.ts'

t.setTimeout(170_000)

const picture = fileURLToPath(new URL('../../docs/images/sample-page.png', import.meta.url))
const skip = noBrowser

/** `complaints`: a blocked script, a refused style, an exception. */
async function openPage(browser: Browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 40[13]/.test(message.text())) complaints.push(message.text())
  })
  return { context, page, complaints }
}

async function call(page: Page, name: string) {
  const answers = page.locator('.result')
  const before = await answers.count()
  await page.locator(`[data-call="${name}"]`).click()
  await answers.nth(before).waitFor({ state: 'attached' })
  return answers.first()
}

async function signIn(page: Page, name: string, password: string) {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const url = skip ? '' : (await startDevStack(t)).url

t.test('a newcomer signs in, calls both services, and signs out', { skip }, async (t) => {
  const { context, page, complaints } = await openPage(await openBrowser(t))

  await page.goto(url)
  const refused = await call(page, 'GET /api/v1/analytics/workflows')
  t.match(
    await refused.textContent(),
    /401[\s\S]*SESSION_REQUIRED/,
    'without a session the page is told what is missing',
  )

  await page.getByRole('link', { name: 'Sign in' }).first().click()
  await signIn(page, 'ada', 'wrong')
  await page.getByRole('alert').waitFor()
  t.match(await page.getByRole('alert').textContent(), /Wrong name or password/)
  t.equal(await page.getByLabel('Password').evaluate((field) => field === document.activeElement), true)
  await signIn(page, 'ada', 'ada')
  await page.getByText('Ada Lovelace').waitFor()
  t.equal(page.url(), `${url}/`, 'the address is clean again: no code, no state')

  const form = await call(page, 'GET /api/crud/forms/1')
  t.match(await form.textContent(), /200[\s\S]*https:\/\/crud\.ocg[\s\S]*absent[\s\S]*Access request/)
  const saved = await call(page, 'PUT /api/crud/forms/1')
  t.match(await saved.textContent(), /200[\s\S]*"updated_by": "ada"/, 'a write passes too')
  const workflows = await call(page, 'GET /api/v1/analytics/workflows')
  t.match(await workflows.textContent(), /200[\s\S]*https:\/\/analytics\.ocg[\s\S]*absent[\s\S]*Joiner onboarding/)
  await page.locator('.lane[data-state="ready"] progress').nth(1).waitFor()
  if (process.env.UPDATE_SCREENSHOTS === '1')
    await page.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: 0, width: 1280, height: 1240 } })

  const cookies = await context.cookies(url)
  const session = cookies.find((cookie) => cookie.name === 'bff_session')
  t.match(session, { httpOnly: true, sameSite: 'Strict', path: '/' })
  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
  )
  t.notMatch(stored, /eyJ|bff_session/, 'script finds neither a token nor the session')
  t.notMatch(cookies.map((cookie) => cookie.value).join(), /eyJ/, 'no cookie holds a token')

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
  t.equal(page.url(), `${url}/`, 'one click signs out of the bridge and of the identity provider')
  await page.getByRole('link', { name: 'Sign in' }).first().click()
  await page.getByLabel('Password').waitFor()
  t.pass('the identity provider asks again')
  t.same(complaints, [], 'and the browser had nothing to complain about')
})

t.test('what a stream says arrives as it is said', { skip }, async (t) => {
  const { page } = await openPage(await openBrowser(t))
  await page.goto(`${url}/auth/login?return_to=/&login_hint=bob`)
  await page.getByLabel('Password').fill('bob')
  await page.keyboard.press('Enter')
  await page.getByText('Bob Kahn').waitFor()
  const live = await call(page, 'GET /api/v1/analytics/live')
  await live.getByText('wf-7041').waitFor()
  t.notMatch(await page.locator('.result').first().textContent(), /wf-7044/, 'the first event is there before the last')
  await page.locator('.result').first().getByText('wf-7044').waitFor()
  t.equal(await page.locator('[data-call$="/live"][aria-busy]').count(), 1, 'and the answer is still open')
})

t.test('it fits a small screen, in the dark too', { skip }, async (t) => {
  const browser = await openBrowser(t)
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, colorScheme })
    const page = await context.newPage()
    for (const path of ['/', '/auth/login']) {
      await page.goto(url + path)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      t.ok(width <= 360, `${path} does not scroll sideways (${colorScheme}: ${width})`)
    }
    await page.goto(url)
    await call(page, 'GET /api/crud/forms/1')
    await page.waitForFunction(() => {
      const answer = document.querySelector('.result')?.getBoundingClientRect()
      return answer !== undefined && answer.top >= 0 && answer.top < innerHeight - 40
    })
    t.pass('an answer comes into view')
  }
})
