import t from 'tap'
import cors from '../../plugins/cors.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

const app = 'https://app.example.com'
const settings = {
  session: { csrf_header: null },
  cors: { allow_origins: [app] },
}
const preflight = { method: 'OPTIONS', headers: { Origin: app, 'Access-Control-Request-Method': 'PUT' } }

stageContract(cors, {
  test: contractTest(t),
  settings,
  requests: [{ headers: { Origin: app } }, preflight, { headers: { Origin: 'https://evil.test' } }],
})

t.test('what a service says of origins is taken out, in any case and number', async (t) => {
  const { answer } = await runStage(cors, {
    settings,
    request: { headers: { Origin: app } },
    answer: {
      headers: {
        'ACCESS-control-Allow-Origin': '*',
        'access-control-allow-origin': 'https://evil.test',
        'Access-Control-Allow-Methods': 'GET',
        Vary: 'Accept, origin',
        'X-Kept': 'yes',
      },
    },
  })
  t.equal(answer?.headers.get('access-control-allow-origin'), app)
  t.equal(answer?.headers.get('access-control-allow-methods'), null)
  t.equal(answer?.headers.get('x-kept'), 'yes')
  t.equal(answer?.headers.get('vary'), 'Accept, origin', 'once is enough')
})

t.test('a preflight is told the methods of its route, and no text of its own', async (t) => {
  const ask = async (method: string, methods?: string[]) => {
    const headers = { Origin: app, 'Access-Control-Request-Method': method }
    const run = await runStage(cors, {
      settings,
      ...(methods && { route: { methods } }),
      request: { method: 'OPTIONS', headers },
    })
    return run.answer?.headers.get('access-control-allow-methods')
  }
  t.equal(await ask('GET', ['GET', 'POST']), 'GET, POST, HEAD')
  t.equal(await ask('PATCH'), 'GET, HEAD, POST, PUT, PATCH, DELETE')
  t.equal(await ask('REPORT'), 'GET, HEAD, POST, PUT, PATCH, DELETE, REPORT')
  t.equal(await ask('TRACE'), 'GET, HEAD, POST, PUT, PATCH, DELETE')
  t.equal(await ask('x, *'), 'GET, HEAD, POST, PUT, PATCH, DELETE')
})

t.test('options: no wildcard, no header that cannot be sent, no day and a half', async (t) => {
  for (const [options, why] of [
    [{ allow_headers: ['*'] }, 'may not be *'],
    [{ expose_headers: ['X-A\r\nX-B'] }, 'is no header name'],
    [{ max_age: '36h' }, 'at most 24h'],
    [{ allow_origins: [app] }, 'allow_origins'],
  ] as const)
    await t.rejects(runStage(cors, { settings, options }), { message: new RegExp(why.replace('*', '\\*')) })
})

t.test('an OPTIONS that is no preflight goes on', async (t) => {
  t.equal(
    (await runStage(cors, { settings, request: { method: 'OPTIONS', headers: { Origin: app } } })).verdict,
    'proceed',
  )
})
