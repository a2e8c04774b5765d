import { readFileSync } from 'node:fs'

export type CertName = 'ca' | 'server' | 'renewed' | 'service' | 'client' | 'stranger'

/** A certificate that test/kit/certs/make.sh made. */
export function cert(name: CertName): string {
  return readFileSync(new URL(`certs/${name}.crt`, import.meta.url), 'utf8')
}

export function key(name: CertName): string {
  return readFileSync(new URL(`certs/${name}.key`, import.meta.url), 'utf8')
}

/** Where a program that takes no text may read it. */
export function certFile(name: CertName): string {
  return new URL(`certs/${name}.crt`, import.meta.url).pathname
}
