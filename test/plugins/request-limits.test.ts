import t from 'tap'
import requestLimits from '../../plugins/request-limits.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

const options = {
  max_body: '1KiB',
  content_types: ['application/json', 'image/*'],
  methods: ['GET', 'POST'],
  max_headers: 5,
}

stageContract(requestLimits, {
  test: contractTest(t),
  options,
  requests: [{}, { method: 'DELETE' }, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'x' }],
})

async function ask(request: object, more = {}) {
  const { answer, verdict } = await runStage(requestLimits, { options: { ...options, ...more }, request })
  return verdict === 'proceed' ? 'proceed' : answer
}

t.test('a method that is not listed is a 405; GET brings HEAD', async (t) => {
  t.equal(await ask({ method: 'HEAD' }), 'proceed')
  const refused = await ask({ method: 'DELETE' })
  t.match(refused, { status: 405 })
  t.equal(typeof refused === 'object' && refused?.headers.get('allow'), 'GET, POST, HEAD')
})

t.test('a body of another type, of none or of two is a 415; without a body nobody asks', async (t) => {
  const post = (headers: string[]) => ask({ method: 'POST', headers, body: 'x' })
  const taken = ['application/json', 'Application/JSON; charset=utf-8', 'image/png']
  for (const type of taken) t.equal(await post(['Content-Type', type]), 'proceed', type)
  const refused = [
    'text/plain',
    'application/json, text/plain',
    'application/jsonp',
    'image',
    '',
    ' ; application/json',
  ]
  for (const type of refused) t.match(await post(['Content-Type', type]), { status: 415 }, type)
  t.match(await post([]), { status: 415 }, 'no type')
  t.match(await post(['Content-Type', 'application/json', 'content-type', 'text/plain']), { status: 415 }, 'two')
  t.equal(await ask({ method: 'POST' }), 'proceed')
})

t.test('a body that says it is too large is a 413 before a byte of it is read', async (t) => {
  const json = { 'Content-Type': 'application/json' }
  t.equal(await ask({ method: 'POST', headers: json, body: 'x'.repeat(1024) }), 'proceed')
  t.match(await ask({ method: 'POST', headers: json, body: 'x'.repeat(1025) }), { status: 413 })
})

t.test('headers are counted, and their bytes', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`X-${i}`, 'x']))
  t.match(await ask({ headers: many }), { status: 431 })
  t.match(await ask({ headers: { 'X-Long': 'x'.repeat(500) } }, { max_header_size: '400B' }), { status: 431 })
  t.equal(await ask({ headers: { 'X-Long': 'x'.repeat(100) } }, { max_header_size: 400 }), 'proceed')
})

t.test('options that say nothing, or the wrong thing, are refused', async (t) => {
  const route = { methods: ['GET', 'DELETE'] }
  for (const [options, why, more] of [
    [{ max_body: '10 megs' }, /is no size: write 512KiB/, {}],
    [{ content_types: ['json'] }, /must be a media type/, {}],
    [{ content_types: [] }, /leave it out to take all/, {}],
    [{ methods: ['get'] }, /in capitals/, {}],
    [{ methods: ['GET'] }, /takes DELETE by its methods/, { route }],
  ] as const)
    await t.rejects(runStage(requestLimits, { options, ...more }), { message: why }, String(why))
})
