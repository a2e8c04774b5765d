import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, relative } from 'node:path'
import process from 'node:process'
import { stringify } from 'yaml'
import type { Kit, Plugin } from '../contract.ts'
import { BasculeServer } from '../server/server.ts'
import { CapturedLog, type LogLine } from './captured-log.ts'

/** A plugin, or the function a package exports. */
type PluginOrMaker = Plugin | ((kit: Kit) => Plugin)
/** Text, data to be written as YAML, or a plugin that a profile names by this file. */
export type ConfigFile = string | Readonly<Record<string, unknown>> | PluginOrMaker
/** A config directory: path → content. */
export type ConfigFiles = Readonly<Record<string, ConfigFile>>

/** What `startBascule` takes; `files` or `dir`. */
export interface StartInput {
  /** Path in the config directory → content. */
  readonly files?: ConfigFiles
  /** A directory that is there, instead of `files`; packages are then found as they will be. */
  readonly dir?: string
  /** For `${NAME}` in config; the process's own unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** A free one unless said. */
  readonly port?: number
  readonly profile?: string
  /** Reload when a file changes. */
  readonly watch?: boolean
}

/** A bridge that runs in this process, on free ports of loopback. */
export interface RunningBascule extends AsyncDisposable {
  readonly url: string
  readonly adminUrl: string
  /** The config directory. */
  readonly dir: string
  readonly server: BasculeServer
  /** Every log line so far. */
  readonly lines: readonly LogLine[]
  /** The first line, from the `from`th on, that fits; waits for it. */
  line(fits: (line: LogLine) => boolean, from?: number): Promise<LogLine>
  /** Writes files and leaves the reload to who wants it. */
  write(files: ConfigFiles): void
  /** Writes files and reloads. False: refused, and the running generation stays; the log says why. */
  reload(files?: ConfigFiles): Promise<boolean>
  stop(): Promise<void>
}

/** A whole bridge in this process on free ports of loopback. Rejects with a ConfigError where the config is wrong. */
export async function startBascule(input: StartInput): Promise<RunningBascule> {
  const folder = new ConfigFolder(input.dir)
  const { lines, log, line } = bound(new CapturedLog())
  const { env = process.env, port = 0, watch = false, profile } = input
  try {
    folder.write(input.files ?? {})
    const server = await BasculeServer.start({ dir: folder.path, env, port, adminPort: 0, log, watch, profile })
    const stop = async () => {
      await server.stop()
      folder.remove()
    }
    return {
      ...{ url: server.url, adminUrl: server.adminUrl, dir: folder.path, server, lines, line, stop },
      write: (files) => folder.write(files),
      reload(files = {}) {
        folder.write(files)
        return server.reload()
      },
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    folder.remove()
    throw error
  }
}

function bound(captured: CapturedLog) {
  const { lines, log } = captured
  return { lines, log, line: captured.line.bind(captured) }
}

/** Plugins that generated files export; by number, because a file's text cannot hold an object. */
const shelf: PluginOrMaker[] = []
Object.assign(globalThis, { [Symbol.for('bascule.testing.plugins')]: shelf })

class ConfigFolder {
  readonly path: string
  readonly #own: boolean

  constructor(given: string | undefined) {
    this.#own = given === undefined
    this.path = given ?? mkdtempSync(join(tmpdir(), 'bascule-'))
    // Outside any package a .js file is CommonJS.
    if (this.#own) writeFileSync(join(this.path, 'package.json'), '{ "type": "module" }\n')
  }

  write(files: ConfigFiles): void {
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.path, name)
      if (isAbsolute(name) || relative(this.path, file).startsWith('..'))
        throw new TypeError(`${name} leads out of the config directory`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, typeof content === 'string' ? content : textOf(name, content))
    }
  }

  remove(): void {
    if (this.#own) rmSync(this.path, { recursive: true, force: true })
  }
}

function textOf(name: string, content: Exclude<ConfigFile, string>): string {
  if (!isPlugin(content)) return stringify(content)
  if (!/\.m?js$/.test(name)) throw new TypeError(`${name} is a plugin; name it as a .js file`)
  const at = shelf.push(content) - 1
  return `export default globalThis[Symbol.for('bascule.testing.plugins')][${at}]\n`
}

function isPlugin(content: Exclude<ConfigFile, string>): content is PluginOrMaker {
  if (typeof content === 'function') return true
  const { setup, open } = content as { readonly setup?: unknown; readonly open?: unknown }
  return typeof setup === 'function' || typeof open === 'function'
}
