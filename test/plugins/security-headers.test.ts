import t from 'tap'
import securityHeaders from '../../plugins/security-headers.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

stageContract(securityHeaders, { test: contractTest(t) })

const https = { public_url: 'https://bff.example.com' }

async function headersOf(options: Record<string, unknown> = {}, theirs: Record<string, string> = {}, server = {}) {
  const { answer } = await runStage(securityHeaders, { options, server, answer: { headers: theirs } })
  return Object.fromEntries(answer!.headers)
}

t.test('sane headers without an option, and HSTS over https only', async (t) => {
  const plain = await headersOf()
  t.match(plain, {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-frame-options': 'SAMEORIGIN',
    'content-security-policy': "frame-ancestors 'self'",
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  })
  t.notOk('strict-transport-security' in plain)
  t.match(await headersOf({}, {}, https), { 'strict-transport-security': 'max-age=31536000' })
})

t.test('null leaves a header out', async (t) => {
  const names = ['content_type_options', 'referrer_policy', 'frame_ancestors', 'permissions_policy']
  const more = ['cross_origin_opener_policy', 'cross_origin_resource_policy', 'strict_transport_security']
  const none = Object.fromEntries([...names, ...more].map((name) => [name, null]))
  t.same(
    Object.keys(await headersOf(none, {}, https)).filter((name) => /policy|^x-(?!correlation-id)|security/.test(name)),
    [],
  )
})

t.test('a policy of the service and who may frame are both obeyed', async (t) => {
  const csp = 'content-security-policy'
  t.equal((await headersOf({}, { [csp]: "default-src 'none'" }))[csp], "default-src 'none', frame-ancestors 'self'")
  const framed = await headersOf({}, { [csp]: 'frame-ancestors https://partner.example' })
  t.equal(framed[csp], 'frame-ancestors https://partner.example')
  t.notOk('x-frame-options' in framed, 'which would forbid what the service allows')
  t.equal((await headersOf({}, { 'X-Frame-Options': 'DENY' }))[csp], undefined)
  const own = await headersOf({ content_security_policy: "default-src 'self'", frame_ancestors: 'https://a.example' })
  t.equal(own[csp], "default-src 'self', frame-ancestors https://a.example")
  t.notOk('x-frame-options' in own, 'which could not say that')
})

t.test("the service's own stays unless override", async (t) => {
  const theirs = { 'Referrer-Policy': 'unsafe-url', 'x-frame-options': 'ALLOWALL' }
  t.match(await headersOf({}, theirs), { 'referrer-policy': 'unsafe-url', 'x-frame-options': 'ALLOWALL' })
  t.match(await headersOf({ override: true }, theirs), {
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-frame-options': 'SAMEORIGIN',
    'content-security-policy': "frame-ancestors 'self'",
  })
})

t.test('no service takes https from the host for all others', async (t) => {
  const off = { 'Strict-Transport-Security': 'max-age=0' }
  t.match(await headersOf({}, off, https), { 'strict-transport-security': 'max-age=31536000' })
  const left = await headersOf({ strict_transport_security: null }, off, https)
  t.equal(left['strict-transport-security'], 'max-age=0', 'null leaves it to the services')
})

t.test('a value that could not be sent, or says a thing twice, is refused', async (t) => {
  for (const [options, why] of [
    [{ referrer_policy: 'a\nb' }, /printable ASCII/],
    [{ referrer_policy: '' }, /null leaves the header out/],
    [{ content_type_options: 'sniff' }, /must be nosniff/],
    [{ content_security_policy: "default-src 'self'; frame-ancestors 'none'" }, /option of its own/],
  ] as const)
    await t.rejects(headersOf(options), { message: why }, String(why))
})
