import { fileURLToPath } from 'node:url'
import { type LoadedPlugin, pluginOfFile } from '../plugin-loading/plugin-files.ts'

/** Where an error came from that nobody caught, as far as its stack tells. */
export interface StrayFault {
  readonly by?: LoadedPlugin
  /** FILE:LINE:COLUMN of the frame that is the plugin's; without a plugin, of the first that is anybody's. */
  readonly at?: string
}

interface Frame {
  readonly file: string
  readonly at: string
}

/** Never throws: whatever was thrown, somebody has to tell of it. */
export function strayFault(error: unknown): StrayFault {
  const frames = framesOf(error)
  for (const { file, at } of frames) {
    const by = pluginOfFile(file)
    if (by) return { by, at }
  }
  const first = frames.find(({ file }) => !file.includes('/node_modules/'))
  return first ? { at: first.at } : {}
}

function framesOf(error: unknown): Frame[] {
  const stack = stackOf(error)
  return stack.split('\n').flatMap((line) => {
    const [, place, tail] =
      /^\s+at (?:async )?(?:.*? \()?((?:file|https?):\/\/.+?|\/.+?)(:\d+:\d+)\)?$/.exec(line) ?? []
    if (place === undefined) return []
    const file = pathOf(place.replace(/\?.*$/, ''))
    return [{ file, at: `${file}${tail}` }]
  })
}

function pathOf(place: string): string {
  if (!place.startsWith('file:')) return place
  try {
    return fileURLToPath(place)
  } catch {
    return place
  }
}

/** What was thrown may be anything, a proxy or a getter that throws included. */
function stackOf(error: unknown): string {
  try {
    const stack = error instanceof Error ? error.stack : undefined
    return typeof stack === 'string' ? stack : ''
  } catch {
    return ''
  }
}
