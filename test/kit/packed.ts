// The package as others get it: packed, and laid out as npm install does, but without asking a registry.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Ran {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program and rejects, with what it printed, unless it ends with 0. */
export async function execute(command: string, args: readonly string[], cwd: string): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1', npm_config_update_notifier: 'false' }
  try {
    return await promisify(execFile)(command, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as Partial<Ran>
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
  }
}

/** `npm pack` of the package in `dir`; answers the tarball. */
export async function pack(dir: string, into: string): Promise<string> {
  const { stdout } = await execute('npm', ['pack', '--json', '--pack-destination', into], dir)
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ readonly filename: string }]
  return join(into, filename)
}

/** Unpacks a tarball into `app`'s node_modules, with its dependencies from this checkout's, and its commands. */
export async function install(tarball: string, app: string): Promise<string> {
  const unpacked = join(app, 'node_modules', '.unpacked')
  mkdirSync(unpacked, { recursive: true })
  await execute('tar', ['-xzf', tarball, '-C', unpacked], app)
  const { name, dependencies = {}, bin = {} } = readManifest(join(unpacked, 'package'))
  const home = join(app, 'node_modules', name)
  await execute('mv', [join(unpacked, 'package'), home], app)
  for (const each of Object.keys(dependencies)) link(join(root, 'node_modules', each), join(app, 'node_modules', each))
  for (const [command, file] of Object.entries(bin)) link(join(home, file), join(app, 'node_modules/.bin', command))
  return home
}

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly bin?: Readonly<Record<string, string>>
}

export function readManifest(dir: string): Manifest {
  return JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Manifest
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  try {
    symlinkSync(target, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Every file below, relative to the folder. */
export function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
}
