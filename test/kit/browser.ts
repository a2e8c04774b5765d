import { existsSync } from 'node:fs'
import process from 'node:process'
import { type Browser, chromium } from 'playwright-core'

const executablePath = [process.env.BASCULE_CHROMIUM, process.env.CHROME_PATH, '/usr/bin/chromium'].find(
  (path) => path !== undefined && existsSync(path),
)

/** False where a browser is there, else why not: for `skip`. */
export const noBrowser = executablePath === undefined && 'no Chromium: set BASCULE_CHROMIUM or CHROME_PATH to one'

const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']

/** A headless Chromium, closed when the test ends. */
export async function openBrowser(t: { teardown(fn: () => unknown): unknown }): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: executablePath!,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  })
  t.teardown(() => browser.close())
  return browser
}
