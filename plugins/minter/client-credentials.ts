import { z } from 'zod'
import { defineService } from '../../core/index.ts'
import type { Minted, Minter, MintWish, TokenEndpoint } from '../lib/token/minter.ts'
import { tokenFailure } from '../lib/token/token-request.ts'
import { now } from '../lib/util/clock.ts'

const options = z
  .strictObject({
    /** The parameter that names the service; IdPs that go by scope alone take none. */
    by: z.enum(['audience', 'resource', 'scope'], { error: 'must be audience, resource or scope' }).default('resource'),
  })
  .prefault({})
type Options = z.infer<typeof options>

interface Held {
  readonly minted: Promise<Minted>
  /** In ms since the epoch; from here on a new one is fetched. 0 while the answer is awaited. */
  renewAt: number
}

async function ask(wish: MintWish, idp: TokenEndpoint, { by }: Options): Promise<Minted> {
  const params = {
    ...(by === 'scope' ? {} : { [by]: wish.audience }),
    ...(wish.scopes.length === 0 ? {} : { scope: wish.scopes.join(' ') }),
    ...wish.params,
  }
  try {
    const { accessToken, expiresAt, scope } = await idp.grant('client_credentials', params, wish.tokenEndpoint)
    return { kind: 'token', token: accessToken, expiresAt, ...(scope === undefined ? {} : { scope }) }
  } catch (error) {
    const failed = tokenFailure(error)
    // No session's grant was asked, so none is lost.
    const { words } = failed
    return failed.kind === 'grant_lost'
      ? { kind: 'refused', reason: 'denied_by_idp', ...(words ? { words } : {}) }
      : failed
  }
}

/** One token a service for all sessions: it says who the client is, not who the user is. */
function makeMinter(settings: Options): Minter {
  const held = new Map<string, Held>()
  return {
    spends: 'nothing',
    atLogin: () => [],
    refuses: () => undefined,
    mint(wish, _grant, idp) {
      // The bridge before a reload may have been another client, or have asked another issuer.
      const { audience, scopes, params, tokenEndpoint } = wish
      const key = JSON.stringify([idp.issuer, idp.clientId, audience, scopes, params, tokenEndpoint])
      const known = held.get(key)
      if (known !== undefined && (known.renewAt === 0 || now() < known.renewAt)) return known.minted
      const asked = now()
      const entry: Held = { minted: ask(wish, idp, settings), renewAt: 0 }
      held.set(key, entry)
      return entry.minted.then((minted) => {
        if (minted.kind !== 'token') held.delete(key)
        // Earlier than the broker's own renewal, which would be given the same worn token again.
        else entry.renewAt = minted.expiresAt - Math.min(60_000, (minted.expiresAt - asked) / 2)
        return minted
      })
    },
  }
}

/** RFC 6749 section 4.4: a token of the client, no user in it. For services that know no users; `X-Original-User` still says who asked. */
export default defineService<Options, 'minter'>({
  kind: 'minter',
  name: 'client-credentials',
  options,
  open: ({ options }) => makeMinter(options),
})
