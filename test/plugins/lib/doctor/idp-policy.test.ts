import t from 'tap'
import { audiencesFor, decide, type Policy } from '../../../../plugins/lib/doctor/idp-policy.ts'

const reports = 'https://reports.example.com'
const forms = 'https://forms.example.com'

function policy(allowed: readonly string[], scopes?: readonly string[]): Policy {
  return {
    mappings: [
      { scope: 'api.read', audiences: [reports] },
      { scope: 'application.all', audiences: [forms, 'plain', reports] },
    ],
    clients: new Map([['bff', { scopes, allowedAudiences: allowed, secret: undefined }]]),
  }
}

t.test('an audience takes a granted scope that maps to it and a client that may have it', async (t) => {
  t.same(decide(policy([reports]), 'bff', reports, ['openid', 'application.all']), {
    kind: 'issue',
    scopes: ['application.all'],
  })
  t.same(decide(policy([reports]), 'bff', reports, ['api.read', 'application.all']), {
    kind: 'issue',
    scopes: ['api.read', 'application.all'],
  })
})

t.test('a refusal names the file to change', async (t) => {
  t.match(decide(policy([reports]), 'bff', 'https://nowhere.example.com', ['api.read']), { why: /settings\.yaml/ })
  t.match(decide(policy([reports]), 'bff', reports, ['openid']), {
    why: /needs the scope api\.read or application\.all/,
  })
  t.match(decide(policy([]), 'bff', reports, ['api.read']), { why: /allowed_audiences in clients\.yaml/ })
  t.match(decide(policy([reports]), 'somebody', reports, ['api.read']), { kind: 'refuse' })
})

t.test('audiences are compared byte for byte', async (t) => {
  for (const near of [`${reports}/`, reports.toUpperCase(), `${reports}:443`])
    t.equal(decide(policy([reports, near]), 'bff', near, ['application.all']).kind, 'refuse', near)
})

t.test('an audience that is no URI is never a resource', async (t) => {
  t.same(audiencesFor(policy([reports, 'plain']), 'bff', ['application.all']), [reports])
})
