import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The browser tests drive the system's Chromium. Where it lacks and may be installed (root on Debian), it is. */
export function findChromium() {
  const path = process.env.CHROME_PATH ?? onPath() ?? install()
  if (path) return { path }
  return {
    missing:
      'no Chromium: browser tests are skipped. Install it (Debian: apt-get install chromium) or set CHROME_PATH to its path',
  }
}

function onPath() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name)
      if (runnable(path)) return path
    }
  }
  return undefined
}

function install() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !aptGet(['--version'])) return undefined
  console.log('installing Chromium for the browser tests (apt-get install chromium)')
  aptGet(['update', '-qq'])
  aptGet(['install', '-y', '-qq', '--no-install-recommends', 'chromium'])
  return onPath()
}

function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', args, { env, stdio: 'ignore', timeout: 180_000 }).status === 0
}

function runnable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
