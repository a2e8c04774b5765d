// Access tokens that are worth nothing without a client certificate (RFC 8705 section 3).
import { createHash, X509Certificate } from 'node:crypto'

/** `x5t#S256` of the first certificate in PEM text: the one that a connection shows. */
export function certificateThumbprint(pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
}

/** Of which certificate the claims speak. Undefined: the token is bound to none. */
export function boundCertificate({ cnf }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof cnf !== 'object' || cnf === null) return undefined
  const thumbprint = (cnf as Readonly<Record<string, unknown>>)['x5t#S256']
  return thumbprint === undefined ? undefined : String(thumbprint)
}
