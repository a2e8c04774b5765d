import type { SecureVersion } from 'node:tls'
import type { ServiceTls } from '../../../core/index.ts'

interface TlsOptions {
  readonly minVersion: SecureVersion
  readonly rejectUnauthorized: true
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

/** `rejectUnauthorized` is said aloud: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would else turn the check off for all. */
export function tlsOptions(tls: ServiceTls | null): TlsOptions {
  const { ca, cert, key, server_name } = tls ?? {}
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(server_name !== undefined && { servername: server_name }),
  }
}
