// A resource server of RFC 9449: it takes nothing without a proof for this very request, and may demand nonces in it.
import type { IncomingHttpHeaders } from 'node:http'
import { calculateJwkThumbprint, decodeJwt, EmbeddedJWK, type JWK, jwtVerify } from 'jose'
import { sha256 } from '../../plugins/lib/util/random-id.ts'

export interface Proof {
  readonly jkt: string
  readonly jti: string
  readonly nonce: string | undefined
}

interface Asked {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** As section 7.2 wants it: the proof is for this request and token, by the key that the token is bound to. Rejects, saying why. */
export async function judgeProof({ method, url, headers }: Asked, origin: string, audience: string): Promise<Proof> {
  const [scheme, token = ''] = (headers.authorization ?? '').split(' ')
  if (scheme !== 'DPoP') throw new Error(`the scheme is ${scheme}`)
  const options = { typ: 'dpop+jwt', algorithms: ['ES256'] }
  const { payload, protectedHeader } = await jwtVerify(String(headers.dpop), EmbeddedJWK, options)
  if ((protectedHeader.jwk as JWK).d !== undefined) throw new Error('the private key is in the proof')
  const jkt = await calculateJwkThumbprint(protectedHeader.jwk as JWK)
  const { cnf, aud } = decodeJwt(token) as { cnf?: { jkt?: string }; aud?: string }
  const said = { htm: payload.htm, htu: payload.htu, ath: payload.ath, jkt: cnf?.jkt, aud }
  const path = (url ?? '').split('?')[0]
  const wanted = { htm: method, htu: `${origin}${path}`, ath: sha256(token), jkt, aud: audience }
  if (JSON.stringify(said) !== JSON.stringify(wanted))
    throw new Error(`${JSON.stringify(said)} ${JSON.stringify(wanted)}`)
  return { jkt, jti: String(payload.jti), nonce: payload.nonce === undefined ? undefined : String(payload.nonce) }
}
