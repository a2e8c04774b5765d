// How this client proves itself to the identity provider: the keys of `auth` for it, and which of them go together.
import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { readClientKey } from './client-key.ts'

const methods = [
  'client_secret_post',
  'client_secret_basic',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const

type ClientAuthMethod = (typeof methods)[number]

/** Absent ones are undefined. PEM or JWK as text; none of it ever appears in a log or an answer. */
export interface ClientAuthSettings {
  readonly client_secret?: string | undefined
  readonly client_auth: ClientAuthMethod
  readonly private_key?: string | undefined
  readonly private_key_id?: string | undefined
  /** Issuer unless said. */
  readonly client_assertion_audience?: 'issuer' | 'token_endpoint' | undefined
  readonly client_cert?: string | undefined
  readonly client_key?: string | undefined
  readonly ca?: string | undefined
}

const nothing = 'must not be empty'
const secret = z.string({ error: 'must be text, best as file:… or ${…}' }).trim().min(1, nothing)

const privateKey = secret.superRefine((value, context) => complain(context, () => readClientKey(value)))
const certificate = secret.superRefine((value, context) =>
  complain(context, () => {
    if (!value.includes('-----BEGIN CERTIFICATE-----')) throw new Error('must be PEM certificates, as file:PATH')
    try {
      new X509Certificate(value)
    } catch {
      throw new Error('is no certificate that can be read')
    }
  }),
)

function complain(context: z.RefinementCtx, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
  }
}

export const clientAuthKeys = {
  client_secret: secret.optional(),
  client_auth: z.enum(methods, { error: `must be one of ${methods.join(', ')}` }).optional(),
  private_key: privateKey.optional(),
  private_key_id: secret.max(256).optional(),
  client_assertion_audience: z
    .enum(['issuer', 'token_endpoint'], { error: 'must be issuer or token_endpoint' })
    .default('issuer'),
  client_cert: certificate.optional(),
  client_key: privateKey.optional(),
  ca: certificate.optional(),
}

type Written = Omit<ClientAuthSettings, 'client_auth'> & { readonly client_auth?: ClientAuthMethod | undefined }

/** A private key without a word on the method is meant to be used. */
export function clientAuthOf({ client_auth, client_secret, private_key }: Written): ClientAuthMethod {
  return client_auth ?? (private_key !== undefined && client_secret === undefined ? 'private_key_jwt' : methods[0])
}

/** BBA-1: a confidential client or none at all. A credential that would not be used is a mistake about which one is. */
export function checkClientAuth(written: Written, context: z.RefinementCtx): void {
  const { client_secret, private_key, private_key_id, client_cert, client_key } = written
  const method = clientAuthOf(written)
  const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  const bySecret = method === 'client_secret_post' || method === 'client_secret_basic'
  const byTls = method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'
  if (bySecret && client_secret === undefined)
    wrong(
      'client_secret',
      'is required, e.g. client_secret: file:/run/secrets/bff (or private_key, for private_key_jwt)',
    )
  if (!bySecret && client_secret !== undefined)
    wrong('client_secret', `is not used with client_auth: ${method}; remove one of the two`)
  if (method === 'private_key_jwt' && private_key === undefined)
    wrong('private_key', 'is required with client_auth: private_key_jwt, e.g. private_key: file:/run/secrets/bff.pem')
  if (method !== 'private_key_jwt' && private_key !== undefined)
    wrong('private_key', `is not used with client_auth: ${method}; write client_auth: private_key_jwt, or remove it`)
  if (private_key_id !== undefined && private_key === undefined)
    wrong('private_key_id', 'names the key of private_key, which is not there')
  if (byTls && client_cert === undefined)
    wrong('client_cert', `is required with client_auth: ${method}, e.g. client_cert: file:/run/secrets/bff.crt`)
  if (client_cert !== undefined && client_key === undefined)
    wrong('client_key', 'is required beside client_cert: the private key of that certificate')
  if (client_key !== undefined && client_cert === undefined)
    wrong('client_cert', 'is required beside client_key: the certificate that is shown')
  if (client_cert !== undefined && client_key !== undefined && !belongs(client_cert, client_key))
    wrong('client_key', 'does not belong to client_cert: its public key is another one')
}

function belongs(cert: string, key: string): boolean {
  return new X509Certificate(cert).checkPrivateKey(readClientKey(key).key)
}

/** Milliseconds since the epoch from which on the certificate is worthless. */
export function certificateEnd(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo)
}
