import t from 'tap'
import respond from '../../plugins/respond.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

stageContract(respond, {
  test: contractTest(t),
  options: { status: 503, retry_after: '1m', allow: ['10.0.0.0/8'] },
  requests: [{}, { client: { ip: '10.1.2.3' } }],
})

t.test('without a status everything passes', async (t) => {
  t.equal((await runStage(respond, { options: {} })).verdict, 'none')
})

t.test('a text, a JSON value, a redirect and nothing at all', async (t) => {
  const text = await runStage(respond, { options: { status: 200, body: 'hello' } })
  t.match([text.answer?.status, text.answer?.body], [200, 'hello'])
  t.equal(text.answer?.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.equal(text.answer?.headers.get('cache-control'), 'no-store')
  const json = await runStage(respond, {
    options: { status: 200, json: { beta: [true] }, headers: { 'cache-control': 'max-age=60' } },
  })
  t.equal(json.answer?.body, '{"beta":[true]}')
  t.equal(json.answer?.headers.get('content-type'), 'application/json')
  t.equal(json.answer?.headers.get('cache-control'), 'max-age=60')
  const moved = await runStage(respond, { options: { status: 308, headers: { Location: '/v2' } } })
  t.match([moved.answer?.status, moved.answer?.headers.get('location')], [308, '/v2'])
  t.equal((await runStage(respond, { options: { status: 204 } })).answer?.body, '')
})

t.test('an error without a body is a problem, and maintenance says when to come back', async (t) => {
  const closed = await runStage(respond, { options: { status: 503, retry_after: '10m', detail: 'Back at noon.' } })
  t.match(closed.answer?.json(), { code: 'MAINTENANCE', detail: 'Back at noon.', status: 503 })
  t.equal(closed.answer?.headers.get('retry-after'), '600')
  t.match(closed.outcome, { code: 'MAINTENANCE', result: 'rejected' })
  t.match((await runStage(respond, { options: { status: 410 } })).answer?.json(), { code: 'GONE' })
  t.match((await runStage(respond, { options: { status: 418 } })).answer?.json(), { code: 'I_M_A_TEAPOT' })
  const page = await runStage(respond, {
    options: { status: 503, body: '<h1>', content_type: 'text/html', retry_after: 5 },
  })
  t.match([page.answer?.body, page.answer?.headers.get('retry-after')], ['<h1>', '5'])
})

t.test('listed addresses pass; an address that a client claims for itself is not believed', async (t) => {
  const options = { status: 503, allow: ['192.0.2.0/24', '2001:db8::1'] }
  const from = async (ip: string, headers: Record<string, string> = {}, server = {}) =>
    (await runStage(respond, { options, server, request: { client: { ip }, headers } })).verdict
  t.equal(await from('192.0.2.7'), 'proceed')
  t.equal(await from('::ffff:192.0.2.7'), 'proceed')
  t.equal(await from('2001:db8::1'), 'proceed')
  t.equal(await from('198.51.100.1'), 'reply')
  t.equal(await from('198.51.100.1', { 'X-Forwarded-For': '192.0.2.7' }), 'reply')
  const trusted = { trusted_proxies: ['198.51.100.1'] }
  t.equal(await from('198.51.100.1', { 'X-Forwarded-For': '192.0.2.7' }, trusted), 'proceed')
  t.equal(await from('198.51.100.1', { 'X-Forwarded-For': '192.0.2.7, 203.0.113.9' }, trusted), 'reply')
})

t.test('what could not be sent, or would have no effect, is refused', async (t) => {
  for (const [options, why] of [
    [{ status: 101 }, /final status/],
    [{ status: 204, body: 'x' }, /has no body/],
    [{ status: 302 }, /say where to/],
    [{ body: 'x' }, /never sent without a status/],
    [{ status: 200, body: 'x', json: 1 }, /no place beside body/],
    [{ status: 200, headers: { 'Content-Length': '5' } }, /written by the host/],
    [{ status: 200, headers: { 'X-A': 'a\r\nX-B: b' } }, /printable ASCII/],
    [{ status: 200, headers: { 'X A': 'a' } }, /no header name/],
    [{ status: 503, allow: ['10.0.0.0/33'] }, /address or a CIDR/],
    [{ status: 503, allow: ['example.com'] }, /address or a CIDR/],
  ] as const)
    await t.rejects(runStage(respond, { options }), { message: why }, String(why))
})
