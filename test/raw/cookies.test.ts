// The Cookie lines of a client: which of them is the session, and which go upstream.
import t from 'tap'
import { get } from '../kit/front.ts'
import { chosen, startRawBridge, startSessionBridge } from '../kit/raw-bridge.ts'

interface Case {
  readonly ids: string
  readonly what: string
  /** SESSION stands for the pair of a good session. */
  readonly fields: string
  readonly status: 200 | 401
}

const cases: readonly Case[] = [
  { ids: 'CK-3', what: 'the pair alone', fields: 'Cookie: SESSION\r\n', status: 200 },
  { ids: 'CK-3', what: 'the name in capitals', fields: 'Cookie: CAPITALS\r\n', status: 401 },
  { ids: 'CK-3', what: 'the name percent-encoded', fields: 'Cookie: ENCODED\r\n', status: 401 },
  { ids: 'CK-3', what: 'the value percent-encoded', fields: 'Cookie: SESSION%20\r\n', status: 401 },
  { ids: 'CK-3', what: 'the value in quotes', fields: 'Cookie: QUOTED\r\n', status: 401 },
  { ids: 'CK-3', what: 'the pair behind a comma', fields: 'Cookie: a=1, SESSION\r\n', status: 401 },
  { ids: 'CK-4', what: 'another value behind it', fields: 'Cookie: SESSION; bff_session=evil\r\n', status: 401 },
  { ids: 'CK-4', what: 'another value before it', fields: 'Cookie: bff_session=evil; SESSION\r\n', status: 401 },
  {
    ids: 'CK-4 CK-7',
    what: 'another value in another line',
    fields: 'Cookie: SESSION\r\nCookie: bff_session=evil\r\n',
    status: 401,
  },
  {
    ids: 'CK-7',
    what: 'the pair in the second line',
    fields: 'Cookie: a=1\r\ncookie: b=2; SESSION; c=3\r\n',
    status: 200,
  },
  { ids: 'CK-7', what: 'the pair without blanks', fields: 'Cookie: a=1;SESSION;c\r\n', status: 200 },
  {
    ids: 'CVE-2023-28625',
    what: 'pairs without names, values or ends',
    fields: 'Cookie: =;;; =x; bff_session_0; =bff_session\r\n',
    status: 401,
  },
  {
    ids: 'CVE-2024-24814',
    what: 'a counter of chunks',
    fields: 'Cookie: bff_session_chunks=99999999; bff_session_0=x\r\n',
    status: 401,
  },
  {
    ids: 'CVE-2026-40372 CVE-2026-47775',
    what: 'a value with one character changed',
    fields: 'Cookie: CHANGED\r\n',
    status: 401,
  },
  {
    ids: 'CVE-2021-29469',
    what: 'a value that is no identifier',
    fields: 'Cookie: bff_session=*\\r\\nKEYS *\r\n',
    status: 401,
  },
  {
    ids: 'CK-2',
    what: 'a value longer than a browser keeps',
    fields: `Cookie: bff_session=${'a'.repeat(8_000)}\r\n`,
    status: 401,
  },
]

t.test('cookies of a session route', async (t) => {
  const bridge = await startSessionBridge(t)
  const [name = '', value = ''] = bridge.cookie.split('=')
  const spelt: Record<string, string> = {
    SESSION: bridge.cookie,
    CAPITALS: `${name.toUpperCase()}=${value}`,
    ENCODED: `${name.replace('_', '%5F')}=${value}`,
    QUOTED: `${name}="${value}"`,
    CHANGED: `${name}=${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`,
  }
  for (const { ids, what, fields, status } of chosen(cases)) {
    t.test(`${ids}: ${what} is ${status}`, async (t) => {
      const { client, ...answer } = await bridge.ask(
        get(
          '/guarded/a',
          fields.replace(/[A-Z]{7,}/g, (word) => spelt[word] ?? word),
        ),
      )
      client.close()
      t.equal(answer.status, status)
      const arrived = bridge.arrived()
      t.equal(arrived.length, status === 200 ? 1 : 0)
      for (const request of arrived) t.same(request.all('cookie'), [], 'and none of them goes upstream')
    })
  }
})

t.test('CK-7 BBA-15: of all lines of cookies only what the route lists goes upstream, in one line', async (t) => {
  const bridge = await startRawBridge(t)
  const lines = [
    'Cookie: theme=dark; bff_session=a',
    'Cookie: bff_login=b;theme=light ; Theme=no',
    'Cookie: x=1; theme=a=b',
  ]
  const { client } = await bridge.ask(get('/cookies/a', `${lines.join('\r\n')}\r\n`))
  client.close()
  t.same(bridge.arrived()[0]?.all('cookie'), ['theme=dark; theme=light; theme=a=b'])
})
