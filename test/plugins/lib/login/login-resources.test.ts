import t from 'tap'
import type { Log } from '../../../../core/index.ts'
import { makeIdp, type Params } from '../../../../plugins/lib/idp/idp.ts'
import { makeLoginResources } from '../../../../plugins/lib/login/login-resources.ts'
import { analyticsAudience, crudAudience, startStrictIdp } from '../../../kit/strict-idp.ts'

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, line() {} }

for (const par of [true, false])
  t.test(`a mended identity provider is used again, ${par ? 'with' : 'without'} PAR`, async (t) => {
    const server = await startStrictIdp({ par, resources: { [crudAudience]: 'application.all' } })
    t.teardown(() => server.close())
    const { issuer, clientId: client_id, clientSecret: client_secret } = server
    const idp = makeIdp({ issuer, client_id, client_secret, client_auth: 'client_secret_post' })
    const base: Params = [
      ['client_id', client_id],
      ['response_type', 'code'],
      ['redirect_uri', 'http://127.0.0.1:1/auth/callback'],
      ['scope', 'openid application.all offline_access'],
      ['code_challenge_method', 'S256'],
    ]
    let now = 0
    const resources = makeLoginResources(() => now)
    const both = [analyticsAudience, crudAudience]
    t.strictSame(await resources.usable(idp, both, base), both, 'nothing is known: nothing is asked')
    t.strictSame(await resources.sift(idp, both, base, silent), [crudAudience])
    t.strictSame(await resources.usable(idp, both, base), [crudAudience])
    server.resources.set(analyticsAudience, 'application.all')
    t.strictSame(await resources.usable(idp, both, base), [crudAudience], 'believed for a while')
    now = 6_000
    const asked = await Promise.all([resources.usable(idp, both, base), resources.usable(idp, both, base)])
    t.strictSame(asked, [both, both], 'then asked again')
  })

t.test('an identity provider that does not say is not asked for what it refused', async (t) => {
  const server = await startStrictIdp({ par: false, resources: {} })
  const idp = makeIdp({
    issuer: server.issuer,
    client_id: server.clientId,
    client_secret: server.clientSecret,
    client_auth: 'client_secret_post',
  })
  let now = 0
  const resources = makeLoginResources(() => now)
  await resources.sift(
    idp,
    [crudAudience],
    [
      ['client_id', server.clientId],
      ['redirect_uri', 'http://127.0.0.1:1/cb'],
      ['response_type', 'code'],
      ['scope', 'openid'],
      ['code_challenge_method', 'S256'],
    ],
    silent,
  )
  await server.close()
  now = 6_000
  t.strictSame(await resources.usable(idp, [crudAudience], []), [])
})
