import process from 'node:process'
import { PluginError } from './plugin-error.ts'

/** A plugin that is fetched when it is loaded. Whoever answers at that address runs code in the bridge, so config must say twice that it may. */
export interface RemotePlugin {
  readonly url: string
  readonly allow_remote: true
}

export function isRemote(text: string): boolean {
  return /^(?:jsr|https?):/.test(text)
}

/** Only named under `plugins` with leave; a profile alone cannot fetch code. */
export function remoteWithoutLeave(text: string): PluginError {
  return new PluginError(
    `${text} would be fetched from elsewhere; name it in settings.yaml, plugins: { NAME: { url: "${text}", allow_remote: true } } (on Deno only), and use NAME here`,
  )
}

/** The URL to import. Node cannot import what is elsewhere. */
export function remoteUrl(url: string): string {
  if (process.versions.deno !== undefined) return url
  const [, scope, name] = /^jsr:\/?@([^/]+)\/([^@/]+)/.exec(url) ?? []
  const cure =
    name === undefined
      ? 'save it beside the config and name ./file.js'
      : `npx jsr add @${scope}/${name}, and name npm:@jsr/${scope}__${name}`
  throw new PluginError(`${url} can be loaded on Deno only; on Node: ${cure}`)
}
