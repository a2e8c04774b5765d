import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'

/** `server.tls`: what files held, not their names. */
export interface TlsSettings {
  readonly cert: string
  readonly key: string
  readonly min_version: 'TLSv1.2' | 'TLSv1.3'
  /** Who must have signed the certificate that a client then has to show. */
  readonly client_ca?: string | undefined
}

/** One certificate or several, in PEM. */
export const certificates = z.string().superRefine((value, context) => {
  const message = certificateProblem(value)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

export const privateKey = z.string().superRefine((value, context) => {
  if (!value.includes('PRIVATE KEY-----'))
    return context.addIssue({ code: 'custom', message: `must be a private key in PEM form; ${howTo('key')}` })
  if (readKey(value) === undefined)
    context.addIssue({ code: 'custom', message: 'cannot be read as a private key; it must be PEM, and not encrypted' })
})

export const tlsSettings = z
  .strictObject({
    cert: certificates,
    key: privateKey,
    min_version: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
    client_ca: certificates.optional(),
  })
  .superRefine((tls, context) => {
    if (!isPair(tls.cert, tls.key))
      context.addIssue({ code: 'custom', path: ['key'], message: 'is not the key of the certificate in cert' })
  })

/** `services.NAME.tls`. */
export const serviceTls = z
  .strictObject({
    ca: certificates.optional(),
    cert: certificates.optional(),
    key: privateKey.optional(),
    server_name: z
      .string()
      .regex(
        /^(?!\d+(?:\.\d+){3}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/,
        'must be a host name such as service.internal',
      )
      .optional(),
    verify: z
      .unknown()
      .optional()
      .refine(
        (value) => value === undefined || value === true,
        'cannot be turned off; give the authority that signed the certificate in ca, and the name it is for in server_name',
      ),
  })
  .transform(({ verify: _, ...tls }) => tls)
  .superRefine(({ cert, key }, context) => {
    const refuse = (at: string, message: string) => context.addIssue({ code: 'custom', path: [at], message })
    if (cert !== undefined && key === undefined) refuse('cert', 'needs its key beside it')
    else if (key !== undefined && cert === undefined) refuse('key', 'needs its certificate, in cert, beside it')
    else if (cert !== undefined && key !== undefined && !isPair(cert, key))
      refuse('key', 'is not the key of the certificate in cert')
  })

/** The first of `cert` is the one that the key belongs to; those that signed it follow. Of what cannot be read nothing is said: that has been. */
export function isPair(cert: string, key: string): boolean {
  const made = readKey(key)
  return made === undefined || !isCertificate(cert) || new X509Certificate(cert).checkPrivateKey(made)
}

const block = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

function certificateProblem(value: string): string | undefined {
  const blocks = value.match(block)
  if (blocks === null) return `must be a certificate in PEM form; ${howTo('crt')}`
  return blocks.every(isCertificate) ? undefined : 'cannot be read as a certificate'
}

function howTo(ending: string): string {
  return `write file:PATH to read one, as in file:tls/server.${ending}`
}

function isCertificate(text: string): boolean {
  try {
    new X509Certificate(text)
    return true
  } catch {
    return false
  }
}

function readKey(value: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(value)
  } catch {
    return undefined
  }
}
