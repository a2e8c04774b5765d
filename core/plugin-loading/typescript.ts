import process from 'node:process'
import { fromSource } from '../own-package.ts'

let wanted = false
let reading: Promise<void> | undefined

/** From here on a team's own ./plugin.ts is read on Node. For a program of its own only: it changes how the whole process loads modules. */
export function allowTypeScript(): void {
  wanted = true
}

/** Before a file of the config directory is imported, and not at start: tsx takes longer to load than all the rest of the program. */
export function readTypeScript(): Promise<void> {
  // A checkout runs its own TypeScript, so whoever loads it reads plugins as well.
  if (!wanted || process.versions.deno !== undefined || fromSource) return Promise.resolve()
  reading ??= register()
  return reading
}

/** Both ways in: without a package.json that says "type": "module" a file counts as CommonJS. No tsconfig: the one of the directory we are called in is not ours. */
async function register(): Promise<void> {
  const cjs = await import('tsx/cjs/api')
  const esm = await import('tsx/esm/api')
  cjs.register()
  esm.register({ tsconfig: false })
}
