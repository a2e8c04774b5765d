import { isIP } from 'node:net'
import { z } from 'zod'
import type { LogSettings, ServerSettings } from '../contract.ts'
import { packageName } from '../plugin-loading/package-entry.ts'
import type { NamedPlugins } from '../plugin-loading/plugin-loader.ts'
import type { Limits } from '../run/limits.ts'
import type { StandardSchemaV1 } from '../standard-schema.ts'
import type { ConfigDocument } from './document.ts'
import type { Report } from './report.ts'
import { reviewOrigins } from './review-origins.ts'
import { limits, limitsOf, timeouts } from './server-limits.ts'
import { type TlsSettings, tlsSettings } from './tls-settings.ts'
import { duration, httpOrigin, name, text } from './values.ts'

const portError = 'must be a port: a whole number from 0 to 65535'
const port = z.int(portError).min(0, portError).max(65535, portError)

const network = z.string().refine(isNetwork, 'must be an address or a CIDR such as 10.0.0.0/8')

/** With what concerns the listener alone. */
export interface ListenerSettings extends ServerSettings {
  readonly limits: Limits
}

const server = z
  .strictObject({
    host: text
      .regex(/^[A-Za-z0-9.:_-]*$/, 'must be an address or a host name, without scheme, port or brackets')
      .default('127.0.0.1'),
    port: port.default(8080),
    public_url: httpOrigin.optional(),
    public_urls: z.array(httpOrigin).default([]),
    trusted_proxies: z.array(network).default([]),
    admin_port: port.default(9090),
    tls: tlsSettings.optional(),
    drain_timeout: duration.prefault('30s'),
    timeouts: timeouts.prefault({}),
    limits: limits.prefault({}),
  })
  .transform(({ timeouts: time, limits: most, ...rest }): ServerSection => {
    const { public_url = defaultUrl(rest, rest.port) } = rest
    return { ...rest, public_url, limits: limitsOf(time, most) }
  })

/** The key stays out of what plugins see of the server. */
type ServerSection = ListenerSettings & { readonly tls?: TlsSettings | undefined }

export function defaultUrl({ tls }: { readonly tls?: unknown }, port: number): string {
  return new URL(`${tls === undefined ? 'http' : 'https'}://localhost:${port}`).origin
}

const profileName = text.regex(/^[A-Za-z0-9_-]*$/, 'must be a name of letters, digits, - and _')

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  format: z.enum(['json', 'text']).default('json'),
})

/** A file, or a package that is installed where the config is. */
const pluginName = z.string().superRefine((value, context) => {
  const message = pluginNameProblem(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

function pluginNameProblem(value: string): string | undefined {
  if (/^\.{1,2}\/./.test(value)) return undefined
  if (/^(?:jsr|https):/.test(value))
    return `is fetched from elsewhere; write { url: "${value}", allow_remote: true } if that may be`
  const isPackage = packageName(value.replace(/^npm:/, '')) !== undefined && !/\.[mc]?[jt]s$/.test(value)
  return isPackage
    ? undefined
    : 'must be a file such as ./plugins/tenant.ts, relative to the config directory, or a package such as npm:@acme/tenant'
}

const remotePlugin = z.strictObject({
  url: z.string().regex(/^(?:jsr:@|https:\/\/)./, 'must be jsr:@scope/name or an https URL'),
  allow_remote: z.literal(true, 'must be true: whoever answers at this address runs code in the bridge'),
})

const plugin = z.union([pluginName, remotePlugin])

/** The sections of settings.yaml that core reads. */
export interface CoreSettings {
  readonly profile: string
  readonly server: ServerSection
  readonly log: LogSettings
  readonly plugins: NamedPlugins
}

/** One schema a section, so that a fault in one does not hide another's. */
export const coreSettings: Readonly<Record<keyof CoreSettings, StandardSchemaV1>> = {
  profile: profileName.default('audience-bridge'),
  server: server.prefault({}),
  log: log.prefault({}),
  plugins: z.record(name, plugin).default({}),
} satisfies { readonly [K in keyof CoreSettings]: StandardSchemaV1<unknown, CoreSettings[K]> }

/** What is allowed, but seldom meant. */
export function reviewServer(settings: ServerSection, document: ConfigDocument, report: Report): void {
  reviewOrigins(settings, document, report)
  if (settings.admin_port !== 0 && settings.admin_port === settings.port) {
    report.error(document.place(['server', 'admin_port']), 'server.admin_port must differ from server.port')
  }
  for (const [i, cidr] of settings.trusted_proxies.entries()) {
    if (!cidr.endsWith('/0')) continue
    const message =
      'a trusted proxy of /0 trusts everyone: any client can then choose the address and host it is seen with'
    report.warn(document.place(['server', 'trusted_proxies', i]), message)
  }
}

function isNetwork(value: string): boolean {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(value) ?? []
  const family = isIP(address)
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128))
}
