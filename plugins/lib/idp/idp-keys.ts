import type { JSONWebKeySet } from 'jose'
import { type Configuration, customFetch } from 'openid-client'

/** With the transport, and within the limits, that all requests to the identity provider have. */
export async function fetchKeys(configuration: Configuration): Promise<JSONWebKeySet> {
  const { jwks_uri } = configuration.serverMetadata()
  const ask = configuration[customFetch]
  if (jwks_uri === undefined || ask === undefined) throw new Error('the identity provider names no jwks_uri')
  const headers = { accept: 'application/jwk-set+json, application/json' }
  const answer = await ask(jwks_uri, { method: 'GET', headers, body: undefined, redirect: 'manual' })
  if (answer.status !== 200) throw new Error(`${jwks_uri} answered ${answer.status}`)
  return (await answer.json()) as JSONWebKeySet
}
