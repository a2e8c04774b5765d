// What every minter must do, however it gets its tokens. Hand it a maker and a grant it can mint from.
import t from 'tap'
import type { Grant, Minter, MintWish, TokenAnswer, TokenEndpoint } from '../../plugins/lib/minter.ts'

export interface MinterCase {
  readonly open: () => Promise<Minter>
  readonly wish: MintWish
  /** One that has to ask the IdP: nothing usable is in hand. */
  readonly grant: Grant
}

const answer: TokenAnswer = { accessToken: 'header.payload.sig', expiresAt: 1_900_000_300_000, refreshToken: 'R1' }

const failures: readonly (readonly [what: string, error: object, kind: string])[] = [
  ['invalid_grant', { status: 400, error: 'invalid_grant' }, 'grant_lost'],
  ['an empty 400', { status: 400 }, 'grant_lost'],
  ['a 401 with a challenge', { status: 401 }, 'grant_lost'],
  ['a 403 that says invalid_grant', { status: 403, error: 'invalid_grant' }, 'grant_lost'],
  ['invalid_target', { status: 400, error: 'invalid_target' }, 'refused'],
  ['invalid_scope', { status: 400, error: 'invalid_scope' }, 'refused'],
  ['unauthorized_client', { status: 400, error: 'unauthorized_client' }, 'refused'],
  ['a 503', { status: 503 }, 'unavailable'],
  ['a 429', { status: 429 }, 'unavailable'],
  ['a network error', { code: 'ECONNREFUSED' }, 'unavailable'],
  ['temporarily_unavailable', { status: 400, error: 'temporarily_unavailable' }, 'unavailable'],
  ['invalid_client', { status: 401, error: 'invalid_client' }, 'unavailable'],
]

/** Answers or fails as told, and counts. */
function endpoint(act: () => Promise<TokenAnswer>) {
  const asked: { refreshToken: string; params: Readonly<Record<string, string>> }[] = []
  const idp: TokenEndpoint = {
    refresh(refreshToken, params) {
      asked.push({ refreshToken, params })
      return act()
    },
  }
  return { asked, idp }
}

export function minterContract(name: string, { open, wish, grant }: MinterCase): void {
  t.test(`${name}: mints with one request, and hands on the rotated refresh token`, async (t) => {
    const minter = await open()
    t.equal(minter.refuses(wish, grant), undefined)
    const { asked, idp } = endpoint(async () => answer)
    t.match(await minter.mint(wish, grant, idp), {
      kind: 'token',
      token: answer.accessToken,
      expiresAt: answer.expiresAt,
      refreshToken: 'R1',
    })
    t.equal(asked.length, 1)
    t.equal(asked[0]?.refreshToken, grant.refreshToken)
  })

  for (const [what, error, kind] of failures)
    t.test(`${name}: ${what} means ${kind}, and is not asked twice`, async (t) => {
      const minter = await open()
      const { asked, idp } = endpoint(() => Promise.reject(Object.assign(new Error('no'), error)))
      t.equal((await minter.mint(wish, grant, idp)).kind, kind)
      t.equal(asked.length, 1)
    })

  t.test(`${name}: without anything to mint with, it says so before anybody is asked`, async (t) => {
    const minter = await open()
    const { asked, idp } = endpoint(async () => answer)
    const bare: Grant = { grantedScopes: '', grantedResources: grant.grantedResources }
    t.match(minter.refuses(wish, bare), { kind: 'refused', reason: 'no_refresh_token' })
    t.match(await minter.mint(wish, bare, idp), { kind: 'refused', reason: 'no_refresh_token' })
    t.equal(asked.length, 0)
  })

  t.test(`${name}: its login parameters are pure, and free of repeats`, async (t) => {
    const minter = await open()
    const params = minter.atLogin([wish, { ...wish, service: 'twin' }])
    t.same(params, minter.atLogin([wish]))
    t.same(minter.atLogin([]), [])
  })
}
