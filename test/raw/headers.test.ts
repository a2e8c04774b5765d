// Which fields of a client reach the upstream: none that is ours to say, none of the connection, all others as they came.
import t, { type Test } from 'tap'
import { get, post } from '../kit/front.ts'
import { chosen, type RawBridge, startRawBridge, startSessionBridge } from '../kit/raw-bridge.ts'
import type { StrictRequest } from '../kit/strict-reader.ts'

/** What only Bascule says to a service. */
const own = [
  'X-Correlation-ID',
  'X-Original-User',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'Forwarded',
  'Via',
  'Authorization',
]
const others = [
  'X-User-Id',
  'X-User-Email',
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Forwarded-Prefix',
  'X-Forwarded-Port',
  'X-Forwarded-Server',
  'X-Forwarded-User',
  'X-Real-IP',
  'Proxy',
]
const aliases =
  'CVE-2025-64484 CVE-2026-33433 CVE-2026-54763 CVE-2026-30851 CVE-2026-52845 CVE-2017-6059 CVE-2017-6062 CVE-2017-6413 CVE-2024-52003 CVE-2026-35051 CVE-2026-39858 CVE-2026-54764 CVE-2024-45806 CVE-2026-3635'

async function sent(bridge: RawBridge & { cookie: string }, fields: string): Promise<StrictRequest> {
  const { client, ...answer } = await bridge.ask(get('/guarded/a', `Cookie: ${bridge.cookie}\r\n${fields}`))
  client.close()
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  return bridge.arrived()[0]!
}

t.test('fields of a session route', async (t) => {
  const bridge = await startSessionBridge(t)
  const plain = await sent(bridge, '')
  const spellings: readonly [string, (name: string) => string][] = [
    ['as it is', (name) => name],
    ['in lower case', (name) => name.toLowerCase()],
    ['in capitals', (name) => name.toUpperCase()],
    ['with underscores', (name) => name.replaceAll('-', '_')],
    ['with one underscore', (name) => name.replace('-', '_').toLowerCase()],
  ]
  for (const [how, spell] of spellings) {
    t.test(`${aliases}: what is ours to say, ${how}, is dropped from the client`, async (t) => {
      const lines = [...own, ...others].filter((name) => name !== 'Via').map((name) => `${spell(name)}: evil-1`)
      const request = await sent(bridge, `${lines.join('\r\n')}\r\n`)
      t.notMatch(request.fields.filter((field) => !/^x-correlation-id:/i.test(field)).join('\n'), /evil/)
      t.equal(request.fields.length, plain.fields.length)
    })
  }
  t.test(
    'CVE-2024-45410 CVE-2026-29054 CVE-2025-48865 CVE-2026-33805 CVE-2021-33197 H9-1: Connection takes nothing of ours away',
    async (t) => {
      for (const name of [...own, 'Host', 'Content-Length', 'traceparent']) {
        for (const spelt of [name, name.toLowerCase(), name.toUpperCase()]) {
          const request = await sent(bridge, `Connection: close\r\nConnection: keep-alive ,\t${spelt} ,\r\n`)
          t.same(request.fields.map(nameOf), plain.fields.map(nameOf), spelt)
        }
      }
    },
  )
  t.test('CVE-2022-29226 BBA-15: one credential, and it is that of the service; no cookie', async (t) => {
    const request = await sent(
      bridge,
      'Authorization: Bearer evil\r\nAuthorization: Basic ZXZpbA==\r\nCookie: theme=dark\r\n',
    )
    t.equal(request.all('authorization').length, 1)
    t.match(request.all('authorization')[0], /^Bearer ey/)
    t.same(request.all('cookie'), [])
  })
})

const nameOf = (field: string) => field.slice(0, field.indexOf(':')).toLowerCase()

interface Case {
  readonly ids: string
  readonly what: string
  readonly fields: string
  /** Lines that must arrive, in this order. */
  readonly kept?: readonly string[]
  readonly gone?: RegExp
}

const cases: readonly Case[] = [
  {
    ids: 'H9-1',
    what: 'fields that Connection names are dropped',
    fields: 'X-A: 1\r\nx-b: 2\r\nX-C: 3\r\nConnection: x-a\r\nconnection: close, X-B\r\n',
    kept: ['X-C: 3'],
    gone: /^x-[ab]:/im,
  },
  {
    ids: 'H9-2',
    what: 'hop-by-hop fields are dropped, named or not',
    fields:
      'Keep-Alive: a\r\nProxy-Connection: a\r\nTE: trailers\r\nTrailer: x\r\nProxy-Authorization: a\r\nProxy-Authenticate: a\r\n',
    gone: /^(keep-alive|proxy-|te:|trailer)/im,
  },
  {
    ids: 'H9-2 H9-10 CVE-2022-31150',
    what: 'an offer of another protocol is dropped',
    fields: 'Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n',
    gone: /upgrade|http2-settings|h2c/im,
  },
  {
    ids: 'H9-12 CVE-2021-32777',
    what: 'order, case and repeats of all others stay',
    fields: 'x-One: 1\r\nX-TWO: 2\r\nX-one: 3\r\nAccept: a\r\naccept: b\r\nx-two: \r\n',
    kept: ['x-One: 1', 'X-TWO: 2', 'X-one: 3', 'Accept: a', 'accept: b', 'x-two: '],
  },
  {
    ids: 'H9-12',
    what: 'high bytes and tabs of a value stay',
    fields: 'X-A: caf\xe9\tau lait\r\n',
    kept: ['X-A: caf\xe9\tau lait'],
  },
  {
    ids: 'CVE-2026-21710',
    what: 'names of the prototype are names',
    fields: '__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\n',
    kept: ['__proto__: 1', 'constructor: 2', 'toString: 3'],
  },
  {
    ids: 'CVE-2026-21717',
    what: 'names that look like numbers are names',
    fields: '1: a\r\n0: b\r\n4294967295: c\r\n',
    kept: ['1: a', '0: b', '4294967295: c'],
  },
  {
    ids: 'H9-3',
    what: 'Via goes on behind that of the client',
    fields: 'Via: 1.0 fred\r\n',
    kept: ['Via: 1.0 fred', 'Via: 1.1 bascule'],
  },
  { ids: 'H9-9', what: 'Expect is ours to answer', fields: 'Expect: 100-continue\r\n', gone: /^expect/im },
  { ids: 'CVE-2016-5385', what: 'Proxy is dropped', fields: 'Proxy: http://evil\r\n', gone: /evil/ },
]

t.test('fields of an open route', async (t) => {
  const bridge = await startRawBridge(t)
  for (const { ids, what, fields, kept = [], gone = /never/ } of chosen(cases)) {
    t.test(`${ids}: ${what}`, async (t) => {
      const { client, ...answer } = await bridge.ask(get('/open/a', fields))
      client.close()
      t.match(answer, { status: 200 })
      const [request] = bridge.arrived()
      const names = new Set(kept.map(nameOf))
      t.same(
        request?.fields.filter((field) => names.has(nameOf(field))),
        kept,
      )
      t.notMatch(request?.fields.join('\n'), gone)
      t.same(request?.all('via').at(-1), '1.1 bascule')
    })
  }
  t.test('CVE-2026-1525 H1-4: a body has one length, and it is the right one', async (t) => {
    const { client } = await bridge.ask(
      post('four', '/open/a', 'content-LENGTH: 4\r\nContent_Length: 9\r\nContent_Length: 0\r\n'),
    )
    client.close()
    t.match(bridge.arrived(), [{ body: 'four' }])
  })
})

t.test(`${aliases}: an open route drops them, too`, async (t) => {
  const bridge = await startRawBridge(t)
  const names = [...own, ...others].filter((name) => !/^(Via|Authorization|X-Correlation-ID)$/.test(name))
  const spelt = names.flatMap((name) => [name, name.toLowerCase(), name.replaceAll('-', '_').toUpperCase()])
  const { client } = await bridge.ask(get('/open/a', spelt.map((name) => `${name}: evil\r\n`).join('')))
  client.close()
  t.notMatch(bridge.arrived()[0]?.fields.join('\n'), /evil/)
})

t.test(
  'CVE-2024-45806 CVE-2024-45810: what a trusted proxy says is believed, and only what it says of itself is added',
  async (t) => {
    const said =
      'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: app.example\r\nForwarded: for=203.0.113.7\r\n'
    await fromPeer(t, '', (request) => {
      t.same(request.all('x-forwarded-for'), ['127.0.0.1'])
      t.same(request.all('x-forwarded-proto'), ['http'])
      t.same(request.all('forwarded'), ['for=127.0.0.1;host=app.example;proto=http'])
    })
    await fromPeer(t, 'trusted_proxies: [127.0.0.0/8]', (request) => {
      t.same(request.all('x-forwarded-for'), ['203.0.113.7, 127.0.0.1'])
      t.same(request.all('x-forwarded-proto'), ['https'])
      t.same(request.all('forwarded'), ['for=203.0.113.7, for=127.0.0.1;host=app.example;proto=http'])
    })

    async function fromPeer(t: Test, server: string, look: (request: StrictRequest) => void): Promise<void> {
      const bridge = await startRawBridge(t, undefined, server)
      const { client } = await bridge.ask(get('/open/a', said))
      client.close()
      look(bridge.arrived()[0]!)
    }
  },
)
