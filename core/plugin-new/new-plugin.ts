import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { didYouMean } from '../config/suggest.ts'
import { builtIns } from '../plugin-loading/plugin-loader.ts'
import { checkoutFiles } from './checkout-files.ts'
import { packageFiles } from './package-files.ts'

/** Path in the folder → content. */
type NewFiles = Readonly<Record<string, string>>

export interface NewPlugin {
  /** Absolute. */
  readonly dir: string
  readonly files: NewFiles
  /** What to type next, from the folder on. */
  readonly next: readonly string[]
}

/** Why nothing can be written, and what to do instead. */
export class NewPluginError extends Error {
  override readonly name = 'NewPluginError'
}

/** Decides what to write, and writes nothing yet. `dir`: where it was asked for; absent: this repository, an empty folder, or a new one. */
export async function planPlugin(name: string, dir: string | undefined, cwd: string): Promise<NewPlugin> {
  refuseBadName(name)
  if ((await builtIns('stage')).includes(name))
    throw new NewPluginError(`${name} is the name of a built-in stage; take another`)
  const home = dir === undefined ? homeFor(name, cwd) : resolve(cwd, dir)
  if (isCheckout(home)) return { dir: home, ...checkoutFiles(name) }
  const steps = packageFiles(name)
  const way = relative(cwd, home)
  return { dir: home, ...steps, next: way === '' ? steps.next : [`cd ${way}`, ...steps.next] }
}

/** All or nothing: not one byte of what is there is touched. */
export function writePlugin({ dir, files }: NewPlugin): void {
  const paths = Object.keys(files)
  const there = paths.filter((path) => existsSync(join(dir, path)))
  if (there.length > 0)
    throw new NewPluginError(
      `nothing was written: ${dir} has ${there.join(', ')} already; take another name, or another folder with --dir`,
    )
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), files[path]!, { flag: 'wx' })
  }
}

const pattern = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/

/** It becomes a file's name, a package's name and a word in log lines. */
function refuseBadName(name: string): void {
  if (pattern.test(name) && name.length <= 50) return
  const better = name
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 50)
  const hint = pattern.test(better) ? `; how about ${better}` : ''
  throw new NewPluginError(
    `"${name}" cannot name a plugin: lower-case words with - between them, at most 50 letters${hint}`,
  )
}

function homeFor(name: string, cwd: string): string {
  if (isCheckout(cwd)) return cwd
  const empty = readdirSync(cwd).every((entry) => entry === '.git')
  return empty ? cwd : join(cwd, name)
}

/** This repository: a plugin is then one more built-in. */
function isCheckout(dir: string): boolean {
  if (!existsSync(join(dir, 'core/contract.ts')) || !existsSync(join(dir, 'package.json'))) return false
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { readonly name?: unknown }
  return manifest.name === 'bascule'
}

/** ` (did you mean "new"?)` for what is not one. */
export function guessAction(given: string): string {
  return didYouMean(given, ['new'])
}
