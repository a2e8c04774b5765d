import { clearTimeout, setTimeout } from 'node:timers'
import { formatPlace, type Place } from '../config/report.ts'
import { PluginError } from '../plugin-loading/plugin-loader.ts'

/** A setup that waits for something that never comes would hold every reload after it, and a start without a word. */
const SETUP_MS = 60_000

interface Named {
  readonly name: string
  readonly place: Place
}

/**
 * What `setup` makes; where it fails or never ends the error names the plugin and where it is listed. The clock does not keep the process:
 * a bridge that stops in the middle of a reload has ended.
 */
export async function runSetup<T>(listed: Named, setup: () => T | Promise<T>, ms = SETUP_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it has not ended within ${ms / 1000} s`)), ms)
    timer.unref()
  })
  try {
    return await Promise.race([setup(), late])
  } catch (error) {
    throw setupFailed(listed, '', error)
  } finally {
    clearTimeout(timer)
  }
}

/** `when`: more words behind "setup failed". An error of ours that names the plugin already says enough. */
export function setupFailed({ name, place }: Named, when: string, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof PluginError && message.startsWith(name)) return error
  const what = `${name}: setup failed${when === '' ? '' : ` ${when}`}`
  return new PluginError(`${what}: ${message} (listed at ${formatPlace(place)})`, { cause: error })
}
