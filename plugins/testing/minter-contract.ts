// What every minter must do, however it gets its tokens. Free of any test framework: a failure is an AssertionError.
import assert from 'node:assert/strict'
import type { TestFunction } from '../../core/testing/index.ts'
import type { Grant, Minter, MintWish, TokenAnswer, TokenEndpoint } from '../lib/token/minter.ts'

/** A minter, and a wish that it can fulfil. */
export interface MinterCase {
  readonly open: () => Promise<Minter>
  readonly wish: MintWish
  /** One that has to ask the IdP: nothing usable is in hand. */
  readonly grant: Grant
  /** `access`: it exchanges the login's access token; `client`: it needs nothing of the session. Unless said: the refresh token. */
  readonly from?: 'refresh' | 'access' | 'client'
}

/** How the suite is declared. */
export interface MinterContractInput {
  readonly test: TestFunction
  /** Put before the names of the tests. */
  readonly name: string
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

/** Declares the suite; each test opens a minter of its own. */
export function minterContract(minterCase: MinterCase, { test, name }: MinterContractInput): void {
  test(`${name}: mints with one request${minterCase.from ? '' : ', and hands on the rotated refresh token'}`, () =>
    mintsOnce(minterCase))
  for (const [what, error, kind] of failures)
    test(`${name}: ${what} means ${meaning(minterCase, kind)}, and is not asked twice`, () =>
      fails(minterCase, error, meaning(minterCase, kind)))
  if (minterCase.from !== 'client')
    test(`${name}: without anything to mint with, it says so before anybody is asked`, () => saysSo(minterCase))
  test(`${name}: its login parameters are pure, and free of repeats`, () => isPure(minterCase))
}

/** A session's grant is lost only where its refresh token was refused. */
function meaning({ from = 'refresh' }: MinterCase, kind: string): string {
  if (kind !== 'grant_lost' || from === 'refresh') return kind
  return from === 'access' ? 'access_lost' : 'refused'
}

async function mintsOnce({ open, wish, grant, from = 'refresh' }: MinterCase): Promise<void> {
  const minter = await open()
  assert.equal(minter.refuses(wish, grant), undefined)
  const { asked, idp } = endpoint(async () => answer)
  const minted = await minter.mint(wish, grant, idp)
  assert.ok(minted.kind === 'token', `a token is wanted, not ${minted.kind}`)
  const { token, expiresAt, refreshToken } = minted
  assert.deepEqual({ token, expiresAt }, { token: answer.accessToken, expiresAt: answer.expiresAt })
  assert.equal(asked.length, 1)
  if (from !== 'refresh') return
  assert.equal(refreshToken, 'R1')
  assert.equal(asked[0]?.refreshToken, grant.refreshToken)
}

async function fails({ open, wish, grant }: MinterCase, error: object, kind: string): Promise<void> {
  const minter = await open()
  const { asked, idp } = endpoint(() => Promise.reject(Object.assign(new Error('no'), error)))
  assert.equal((await minter.mint(wish, grant, idp)).kind, kind)
  assert.equal(asked.length, 1, 'a redeem whose outcome is open is never repeated')
}

async function saysSo({ open, wish, grant }: MinterCase): Promise<void> {
  const minter = await open()
  const { asked, idp } = endpoint(async () => answer)
  const bare: Grant = { grantedScopes: '', grantedResources: grant.grantedResources }
  for (const said of [minter.refuses(wish, bare), await minter.mint(wish, bare, idp)])
    assert.ok(said?.kind === 'refused' && said.reason === 'no_refresh_token', 'the reason is no_refresh_token')
  assert.equal(asked.length, 0)
}

async function isPure({ open, wish }: MinterCase): Promise<void> {
  const minter = await open()
  assert.deepEqual(minter.atLogin([wish, { ...wish, service: 'twin' }]), minter.atLogin([wish]))
  assert.deepEqual(minter.atLogin([]), [])
}

/** Answers or fails as told, and counts. */
function endpoint(act: () => Promise<TokenAnswer>) {
  const asked: { refreshToken?: string; type?: string; params: Readonly<Record<string, string>> }[] = []
  const idp: TokenEndpoint = {
    refresh(refreshToken, params) {
      asked.push({ refreshToken, params })
      return act()
    },
    grant(type, params) {
      asked.push({ type, params })
      return act()
    },
  }
  return { asked, idp }
}
