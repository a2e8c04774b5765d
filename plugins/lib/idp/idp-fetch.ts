// Every request to the identity provider goes through here: time, size and transport are bounded in one place.
import { Buffer } from 'node:buffer'
import { type Dispatcher, fetch as fetchBy } from 'undici'
import { isLoopback } from '../settings/text-values.ts'

/** An identity provider's answer is a few KiB; a MiB is a fault or an attack (Traefik CVE-2026-26998). */
const maxBytes = 1024 * 1024
const quickTimeout = 5_000
/** A redeem is never given up while its outcome is open: only a peer that will never answer is. */
const redeemTimeout = 300_000

class IdpAnswerTooLarge extends Error {}

type Fetch = (url: string, init: RequestInit & { body?: unknown }) => Promise<Response>

/** `isRedeem`: whether this address spends codes and refresh tokens. `dispatcher`: undici's, for TLS of our own; its fetch goes with it. */
export function idpFetch(isRedeem: (url: string) => boolean, dispatcher?: Dispatcher): Fetch {
  const send = dispatcher === undefined ? fetch : (fetchBy as unknown as typeof fetch)
  return async (url, init) => {
    const target = new URL(url)
    if (target.protocol !== 'https:' && !isLoopback(target))
      throw new TypeError(`refusing to speak plain http with ${target.host}: use https (http is for loopback only)`)
    const signal = AbortSignal.timeout(isRedeem(url) ? redeemTimeout : quickTimeout)
    const answer = await send(url, { ...init, signal, ...(dispatcher && { dispatcher }) } as RequestInit)
    const bytes = await readBounded(answer)
    const { body: form } = init
    return rebuild(
      answer,
      form instanceof URLSearchParams ? formAnswer(bytes, form) : { bytes, oauthError: false, json: false },
    )
  }
}

async function readBounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  if (answer.body === null) return new Uint8Array()
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBytes) throw new IdpAnswerTooLarge('the identity provider sent more than 1 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

interface Body {
  readonly bytes: Uint8Array
  readonly json: boolean
  readonly oauthError: boolean
}

/**
 * A refresh's ID token is dropped before the library sees it: were its check to fail (JWKS away, clock off), the rotated
 * refresh token in the same answer would be lost, and the next use of the old one would end the session.
 */
function formAnswer(bytes: Uint8Array, form: URLSearchParams): Body {
  const answer = parseObject(bytes)
  if (answer === undefined) return { bytes, json: false, oauthError: false }
  const { id_token, ...rest } = answer
  const oauthError = typeof answer.error === 'string'
  if (oauthError) return { bytes: encoded(withoutSecrets(answer, form)), json: true, oauthError }
  const refresh = form.get('grant_type') === 'refresh_token' && id_token !== undefined
  return { bytes: refresh ? encoded(rest) : bytes, json: true, oauthError }
}

function encoded(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

const secretParams = ['code', 'code_verifier', 'refresh_token', 'token', 'client_secret', 'client_assertion']

/** Some IdPs quote the request in their words, and those go to the log. */
function withoutSecrets(answer: Record<string, unknown>, form: URLSearchParams): object {
  const { error_description: words } = answer
  if (typeof words !== 'string') return answer
  const sent = secretParams.flatMap((name) => form.getAll(name).map((value) => ({ name, value })))
  const clean = sent.reduce((left, { name, value }) => (value ? left.replaceAll(value, `[${name}]`) : left), words)
  return { ...answer, error_description: clean }
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** With a challenge beside it the library would not read the OAuth error: an invalid_client would look like a dead token. */
function rebuild(answer: Response, body: Body): Response {
  const headers = new Headers(answer.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  if (body.oauthError) headers.delete('www-authenticate')
  if (body.json) headers.set('content-type', 'application/json')
  const bodyless = answer.status === 204 || answer.status === 205 || answer.status === 304
  return new Response(bodyless ? null : (body.bytes as Uint8Array<ArrayBuffer>), { status: answer.status, headers })
}
