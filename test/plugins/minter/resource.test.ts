import t from 'tap'
import type { Grant, TokenEndpoint } from '../../../plugins/lib/token/minter.ts'
import resource from '../../../plugins/minter/resource.ts'
import { minterContract } from '../../../plugins/testing/index.ts'
import { contractTest } from '../../kit/contract-test.ts'
import { jwt, opened } from '../lib/token/broker-kit.ts'

const audience = 'https://analytics.test'
const wish = { service: 'analytics', audience, scopes: [] as readonly string[] }
const grant: Grant = { refreshToken: 'R0', grantedScopes: 'openid application.all', grantedResources: [audience] }
const open = () => opened(resource)

minterContract({ open, wish, grant }, { test: contractTest(t), name: 'resource' })

async function asked(scopes: readonly string[], granted = grant) {
  const seen: Readonly<Record<string, string>>[] = []
  const idp: TokenEndpoint = {
    refresh: async (_token, params) => {
      seen.push(params)
      return { accessToken: 'a.b.c', expiresAt: 0 }
    },
    grant: () => Promise.reject(new Error('not that way')),
  }
  await (await open()).mint({ ...wish, scopes }, granted, idp)
  return seen
}

t.test('asks for the audience as it is configured, and for granted scopes only', async (t) => {
  t.same(await asked([]), [{ resource: audience }])
  t.same(await asked(['api.read', 'api.write', 'application.all']), [{ resource: audience, scope: 'application.all' }])
  t.same(await asked(['api.read']), [{ resource: audience }], 'no scope at all rather than an empty one')
})

t.test('an audience that is no absolute URI is never sent', async (t) => {
  const minter = await open()
  for (const name of ['empowernow', '/api/v1', '', 'analytics.test', 'https://a.test/#part'])
    t.match(minter.refuses({ ...wish, audience: name }, grant), { reason: 'not_mintable' }, name)
  t.equal(minter.refuses({ ...wish, audience: 'urn:a:b' }, { ...grant, grantedResources: ['urn:a:b'] }), undefined)
})

t.test('the login asks for every audience once, URIs only', async (t) => {
  const wishes = [audience, 'empowernow', 'https://crud.test', audience].map((value) => ({ ...wish, audience: value }))
  t.same((await open()).atLogin(wishes), [
    ['resource', audience],
    ['resource', 'https://crud.test'],
  ])
})

t.test('what the login was not granted is not asked for: some IdPs rotate first and refuse then', async (t) => {
  const minter = await open()
  t.match(minter.refuses(wish, { ...grant, grantedResources: [] }), { reason: 'step_up', stepUp: true })
  const asking = await opened(resource, { ungranted: 'ask' })
  t.equal(
    asking.refuses(wish, { ...grant, grantedResources: [] }),
    undefined,
    'unless config says that this IdP does not',
  )
  await t.rejects(opened(resource, { ungranted: 'maybe' }))
})

t.test("without a refresh token the login's own token serves the service it is for", async (t) => {
  const minter = await open()
  const access = { token: jwt({ aud: audience }), expiresAt: 1_900_000_000_000 }
  const bare: Grant = { grantedScopes: '', grantedResources: [audience], access }
  const asked = () => Promise.reject(new Error('asked'))
  const never: TokenEndpoint = { refresh: asked, grant: asked }
  t.equal(minter.refuses(wish, bare), undefined)
  t.match(await minter.mint(wish, bare, never), { kind: 'token', ...access })
  t.match(minter.refuses({ ...wish, audience: 'https://crud.test' }, bare), { reason: 'no_refresh_token' })
})
