import t from 'tap'
import { analyticsAudience, crudAudience } from '../../kit/strict-idp.ts'
import { startAuth } from './auth-kit.ts'

for (const par of [true, false]) {
  const how = par ? 'with PAR' : 'without PAR'

  t.test(`${how}: an audience that the identity provider refuses takes nothing else down`, async (t) => {
    const kit = await startAuth(t, { idp: { par, resources: { [crudAudience]: 'application.all' } } })
    const user = await kit.login({ returnTo: '/kept' })
    t.equal(user.callback.status, 200)
    t.match(await user.callback.text(), 'url=/kept')
    t.equal((await user.fetch('/api/crud/forms/1')).status, 200)
    const refused = await user.fetch('/api/v1/analytics/workflows')
    t.equal(refused.status, 401)
    t.match(await refused.json(), { code: 'NO_TOKEN_AVAILABLE', service: 'analytics_service', reason: 'denied_by_idp' })
    const line = await kit.bff.line((said) => said.msg.startsWith('login_resource_refused:'))
    t.match(line, { audience: analyticsAudience, error: /invalid_target.*not known here|invalid_target/ })
  })

  t.test(`${how}: with every audience refused the login still succeeds`, async (t) => {
    const kit = await startAuth(t, { idp: { par, resources: {} } })
    const user = await kit.login()
    t.equal(user.callback.status, 200)
    t.equal((await user.fetch('/api/crud/forms/1')).status, 401)
  })

  t.test(`${how}: the next login knows, and asks at once for what is left`, async (t) => {
    const kit = await startAuth(t, { idp: { par, resources: { [crudAudience]: 'application.all' } } })
    await kit.login()
    const before = kit.idp.counts.invalidTarget
    await kit.login()
    t.equal(kit.idp.counts.invalidTarget, before, 'nothing was refused again')
  })
}
