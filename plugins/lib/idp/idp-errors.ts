// What an identity provider's refusal means for the session. Token errors are not always OAuth JSON (FIELD: empty 400, bare 401, 403).

/** `error`, `description`: the IdP's own OAuth words, where it gave any. `words`: one line for the log, never for the browser. */
export interface IdpFailure {
  /**
   * `dead`: the refresh token is spent or revoked. `denied`: not this resource, scope or request. `transient`: ask again later.
   * `misconfigured`: the IdP does not know this client; alarms, and is treated as a passing fault: users stay signed in.
   */
  readonly kind: 'dead' | 'denied' | 'transient' | 'misconfigured'
  readonly error?: string
  readonly description?: string
  readonly words: string
  /** It is not the IdP's refusal but an answer that cannot be read or trusted. */
  readonly unusable?: boolean
}

/** An answer that is there but cannot be used: asking again gives the same. */
export class IdpAnswerUnfit extends Error {}

const passing = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** Codes of openid-client for answers that are there but cannot be trusted: asking again gives the same. */
const untrusted = new Set([
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_INVALID_SIGNATURE',
  'OAUTH_PARSE_ERROR',
  'OAUTH_UNSUPPORTED_OPERATION',
])

/**
 * The refresh token in an answer that was there and cannot be used otherwise (no `token_type`, `expires_in: -1`): the one that was sent is
 * spent all the same, and without this one the session would be lost at the next redeem.
 */
export function rotatedIn(error: unknown): string | undefined {
  const cause = field(error, 'cause')
  const body = field(cause, 'body') ?? field(field(cause, 'cause'), 'body')
  const token = field(body, 'refresh_token')
  return typeof token === 'string' && token !== '' ? token : undefined
}

/** Never throws, whatever it is given. */
export function classify(error: unknown): IdpFailure {
  const status = statusOf(error)
  const said = oauthWords(error)
  if (status !== undefined && (status >= 500 || status === 429 || status === 408))
    return { kind: 'transient', ...said, words: said.words ?? `the identity provider answered ${status}` }
  if (said.error !== undefined) {
    const kind = wantsUser(error) ? 'denied' : kindOf(said.error)
    return { kind, ...said, words: said.words ?? said.error }
  }
  if (status === 400 || status === 401 || status === 403)
    return { kind: 'dead', words: `the identity provider answered ${status} without saying why` }
  const unfit = error instanceof IdpAnswerUnfit || untrusted.has(String(field(error, 'code')))
  return unfit
    ? { kind: 'denied', unusable: true, words: plainWords(error) }
    : { kind: 'transient', words: plainWords(error) }
}

/** Entra says `invalid_grant` also where the user has to consent to this API, or to prove more for it; the refresh token is good. */
function wantsUser(error: unknown): boolean {
  const cause = field(error, 'cause')
  const more = field(error, 'suberror') ?? field(cause, 'suberror') ?? field(field(cause, 'body'), 'suberror')
  return more === 'consent_required' || more === 'basic_action' || more === 'additional_action'
}

function kindOf(error: string): IdpFailure['kind'] {
  if (error === 'invalid_grant') return 'dead'
  if (error === 'invalid_client') return 'misconfigured'
  return passing.has(error) ? 'transient' : 'denied'
}

function statusOf(error: unknown): number | undefined {
  const status = field(error, 'status') ?? field(field(error, 'cause'), 'status')
  return typeof status === 'number' ? status : undefined
}

function oauthWords(error: unknown): { error?: string; description?: string; words?: string } {
  const name = field(error, 'error')
  if (typeof name !== 'string') return {}
  const description = field(error, 'error_description')
  const clean = oneLine(name)
  if (typeof description !== 'string') return { error: clean, words: clean }
  return { error: clean, description: oneLine(description), words: `${clean}: ${oneLine(description)}` }
}

/** The chain of messages: "fetch failed" alone tells nobody that the port was closed. A JSON parser's quotes the text, which may be a token. */
function plainWords(error: unknown): string {
  const words: string[] = []
  for (let at = error; at instanceof Error && !(at instanceof SyntaxError) && words.length < 4; at = at.cause) {
    const code = field(at, 'code')
    const text = at.message === '' && typeof code === 'string' ? code : at.message
    if (text !== '' && !words.includes(text)) words.push(text)
  }
  return oneLine(words.join(': ')) || 'unknown error'
}

/** Foreign text in a log line: no control characters, bounded. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, 300)
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
