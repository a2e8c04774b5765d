import t from 'tap'
import { fromOtherSite, trustedOrigins } from '../../../../plugins/lib/http/csrf.ts'

const origins = trustedOrigins('https://app.test', ['https://partner.test'])

type Fields = Readonly<Record<string, readonly string[]>>

function refused(fields: Fields, { method = 'POST', upgrade = false } = {}): boolean {
  const headerAll = (name: string) => fields[name] ?? []
  return fromOtherSite({ method, upgrade, headerAll, header: (name) => headerAll(name)[0] }, origins)
}

const site = (...values: string[]): Fields => ({ 'sec-fetch-site': values })
const origin = (...values: string[]): Fields => ({ origin: values })

t.test('what a page of this origin or of a listed one sends passes, and what no browser sends', async (t) => {
  t.notOk(refused({}))
  t.notOk(refused(site('same-origin')))
  t.notOk(refused(site('none')))
  t.notOk(refused(origin('https://app.test')))
  t.notOk(refused({ ...site('cross-site'), ...origin('https://partner.test') }))
})

t.test('a neighbour, a stranger and an opaque origin do not', async (t) => {
  t.ok(refused(site('same-site')))
  t.ok(refused(site('cross-site')))
  for (const from of ['https://evil.test', 'https://app.test.evil.test', 'http://app.test', 'null', ''])
    t.ok(refused(origin(from)), from)
  t.notOk(refused(site('cross-site'), { method: 'GET' }), 'what changes nothing is not looked at')
})

t.test('two words for where it came from are nobody’s', async (t) => {
  t.ok(refused(site('same-origin', 'cross-site')))
  t.ok(refused({ ...site('same-origin'), ...origin('https://app.test', 'https://evil.test') }))
  t.ok(refused(origin('https://app.test', 'https://evil.test')))
})

t.test('of a WebSocket handshake the Origin decides, whatever else is said', async (t) => {
  const handshake = { method: 'GET', upgrade: true }
  t.notOk(refused({ ...site('cross-site'), ...origin('https://app.test') }, handshake))
  for (const word of ['same-origin', 'none'])
    t.ok(refused({ ...site(word), ...origin('https://evil.test') }, handshake), word)
  t.ok(refused(origin('https://evil.test'), handshake))
  t.notOk(refused({}, handshake))
})
