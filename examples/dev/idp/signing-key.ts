import { exportJWK, generateKeyPair, type JWK } from 'jose'

/** Made anew at every start: a restarted provider is one whose keys were rotated, which its clients must survive. */
export async function signingKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: crypto.randomUUID() }
}
