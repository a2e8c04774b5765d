// The identity provider's own two files, as far as audiences go; whatever else it reads in them is its own affair.
import { join } from 'node:path'
import { z } from 'zod'
import type { DoctorHost, ForeignFile } from '../../../core/index.ts'
import type { Policy } from './idp-policy.ts'

const words = z.array(z.string().trim().min(1))

export const settingsFile = z.object({
  token: z.object({
    audience_mappings: z.object({
      scope_mappings: z.array(z.object({ scope: z.string().trim().min(1), audiences: words })),
    }),
  }),
})

export const clientsFile = z.record(
  z.string(),
  z.object({
    scopes: words.optional(),
    allowed_audiences: words.default([]),
    client_secret: z.string().min(1).optional(),
    // No key of the two files' own: where a provider's export has it in a form of its own, nothing is known.
    redirect_uris: words.optional().catch(undefined),
  }),
)

type Settings = z.infer<typeof settingsFile>
type Clients = z.infer<typeof clientsFile>

export function policyOf(settings: Settings, clients: Clients): Policy {
  return {
    mappings: settings.token.audience_mappings.scope_mappings,
    clients: new Map(
      Object.entries(clients).map(([id, { scopes, allowed_audiences, client_secret, redirect_uris }]) => [
        id,
        { scopes, allowedAudiences: allowed_audiences, secret: client_secret, redirectUris: redirect_uris },
      ]),
    ),
  }
}

export interface IdpFiles {
  readonly policy: Policy
  readonly settings: ForeignFile<Settings>
  readonly clients: ForeignFile<Clients>
}

/** Undefined: one cannot be read, and the doctor says why. */
export function readIdpFiles(host: DoctorHost<unknown>, dir: string): IdpFiles | undefined {
  const settings = host.read(join(dir, 'settings.yaml'), settingsFile)
  const clients = host.read(join(dir, 'clients.yaml'), clientsFile)
  if (settings === undefined || clients === undefined) return undefined
  return { policy: policyOf(settings.data, clients.data), settings, clients }
}

export const mappingsPath = ['token', 'audience_mappings', 'scope_mappings'] as const
