// What an upstream may answer byte for byte, and what of it reaches the client: one well-formed answer, or a problem, or a torn one.
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { get } from '../kit/front.ts'
import { chosen, type RawBridge, startRawBridge, startSessionBridge } from '../kit/raw-bridge.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const four = `${ok}Content-Length: 4\r\n`

interface Case {
  readonly ids: string
  readonly what: string
  /** What the upstream says; then it closes, unless it stays. */
  readonly says: string
  readonly stays?: true
  readonly method?: string
  readonly status: number
  readonly body?: string
  /** Must not be in any byte that the client gets. */
  readonly gone?: RegExp
  readonly kept?: RegExp
}

const unusable: readonly Omit<Case, 'status'>[] = [
  { ids: 'H1-5', what: 'an invalid length', says: `${ok}Content-Length: x\r\n\r\nevil` },
  { ids: 'H1-5', what: 'a negative length', says: `${ok}Content-Length: -4\r\n\r\nevil` },
  { ids: 'H1-5', what: 'two lengths', says: `${four}Content-Length: 5\r\n\r\nevil` },
  { ids: 'H1-5 B6.3', what: 'two equal lengths', says: `${four}Content-Length: 4\r\n\r\nevil` },
  { ids: 'H1-5', what: 'a list of lengths', says: `${ok}Content-Length: 4, 4\r\n\r\nevil` },
  {
    ids: 'H1-1 B6.3',
    what: 'a length and a coding',
    says: `${four}Transfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n`,
  },
  { ids: 'H1-7 B6.3', what: 'obs-fold', says: `${four}X-A: 1\r\n evil\r\n\r\nevil` },
  { ids: 'H1-9 B6.3', what: 'lines that end in LF', says: 'HTTP/1.1 200 OK\nContent-Length: 4\n\nevil' },
  { ids: 'H1-9', what: 'a bare CR in a value', says: `${four}X-A: 1\rX-B: evil\r\n\r\nevil` },
  { ids: 'H1-10 B6.3', what: 'a NUL in a value', says: `${four}X-A: 1\0evil\r\n\r\nevil` },
  { ids: 'H1-10 B6.3', what: 'a name that is none', says: `${four}X A: evil\r\n\r\nevil` },
  { ids: 'H9-14', what: 'what is no HTTP', says: 'evil\r\n\r\n' },
  { ids: 'H9-14', what: 'nothing', says: '' },
  { ids: 'H9-14', what: 'half a head', says: `${ok}X-A: evil` },
  {
    ids: 'H9-14',
    what: 'more header bytes than anybody needs',
    says: `${four}X-A: ${'evil'.repeat(20_000)}\r\n\r\nevil`,
  },
  {
    ids: 'H9-8 H9-10',
    what: 'a protocol switched unasked',
    says: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nevil',
  },
]

const cases: readonly Case[] = [
  ...unusable.map((row): Case => ({ ...row, status: 502, gone: /evil/ })),
  {
    ids: 'H1-17 CVE-2026-71324',
    what: 'HEAD',
    says: `${ok}Content-Length: 4\r\n\r\n`,
    method: 'HEAD',
    status: 200,
    body: '',
    kept: /content-length: 4/i,
    stays: true,
  },
  {
    ids: 'H1-17',
    what: 'HEAD with a body all the same',
    says: `${four}\r\nevil`,
    method: 'HEAD',
    status: 200,
    gone: /evil/,
  },
  {
    ids: 'H1-17',
    what: '204 with a length',
    says: 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil',
    status: 204,
    gone: /evil|content-length/i,
  },
  {
    ids: 'H1-17',
    what: '204 with a coding',
    says: 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n',
    status: 204,
    gone: /evil|transfer-encoding/i,
  },
  {
    ids: 'H1-17',
    what: '304 with a length',
    says: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\nETag: "a"\r\n\r\nevil',
    status: 304,
    gone: /evil/,
    kept: /etag: "a"/i,
  },
  {
    ids: 'H1-17',
    what: 'a second answer behind the first',
    says: `${four}\r\nfine${four}\r\nevil`,
    status: 200,
    body: 'fine',
    gone: /evil/,
  },
  {
    ids: 'H9-8',
    what: 'two early hints',
    says: `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>; rel=preload\r\n\r\n${four}\r\nfine`,
    status: 200,
    body: 'fine',
    kept: /103 [\s\S]*<\/a>[\s\S]*103 [\s\S]*<\/b>/,
  },
  {
    ids: 'H9-8 B6.3',
    what: 'a 100 nobody asked for',
    says: `HTTP/1.1 100 Continue\r\n\r\n${four}\r\nfine`,
    status: 200,
    body: 'fine',
  },
  {
    ids: 'H9-12',
    what: 'cookies in three lines',
    says: `${four}Set-Cookie: a=1, 2\r\nX-A: 1\r\nset-cookie: b=2\r\nX-A: 2\r\nSet-Cookie: c=3\r\n\r\nfine`,
    status: 200,
    kept: /Set-Cookie: a=1, 2\r\nX-A: 1\r\nset-cookie: b=2\r\nX-A: 2\r\nSet-Cookie: c=3\r\n/,
  },
  {
    ids: 'H9-1 H9-2',
    what: 'fields of its connection',
    says: `${four}Connection: X-A, close\r\nX-A: evil\r\nKeep-Alive: evil\r\nProxy-Authenticate: evil\r\nUpgrade: evil\r\n\r\nfine`,
    status: 200,
    gone: /evil/,
  },
  {
    ids: 'H9-13',
    what: 'a 401 that asks for a bearer',
    says: 'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="evil"\r\nContent-Length: 0\r\n\r\n',
    status: 401,
    gone: /evil|bearer/i,
    kept: /www-authenticate: session/i,
  },
  {
    ids: 'H9-13',
    what: 'a 401 that asks for one of two',
    says: 'HTTP/1.1 401 No\r\nWWW-Authenticate: bearer error="evil", Digest realm="a"\r\nContent-Length: 0\r\n\r\n',
    status: 401,
    gone: /evil|bearer/i,
    kept: /digest realm="a"/i,
  },
  {
    ids: 'B6.1 CVE-2026-1527',
    what: 'a control byte in the reason',
    says: 'HTTP/1.1 200 O\x01K\r\nContent-Length: 4\r\n\r\nfine',
    status: 200,
    body: 'fine',
    kept: /^HTTP\/1\.1 200 OK\r\n/,
  },
  {
    ids: 'CVE-2023-45143 CVE-2024-30260 CVE-2026-41181',
    what: 'a redirect',
    says: 'HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n',
    status: 302,
    kept: /location: http:\/\/evil\.example\//i,
  },
  {
    ids: 'H1-16',
    what: 'a body that ends with its connection',
    says: `${ok}Connection: close\r\n\r\nfine`,
    status: 200,
    body: 'fine',
  },
  { ids: 'H1-6', what: 'a blank before a colon', says: `${four}X-A : 1\r\n\r\nevil`, status: 502, gone: /evil/ },
  {
    ids: 'CVE-2026-21710',
    what: 'names of the prototype',
    says: `${four}__proto__: 1\r\nconstructor: 2\r\n\r\nfine`,
    status: 200,
    body: 'fine',
    kept: /__proto__: 1\r\nconstructor: 2/,
  },
]

const planted = [
  'bff_session=evil',
  '=bff_session=evil',
  ' \t= bff_session =evil; Path=/',
  '__Host-bff_session=evil; Secure; Path=/',
  '__Secure-bff_session=evil',
  'BFF_Session=evil',
  'bff_login=evil',
  '__host-http-bff_login=evil',
  '__Host-__Host-bff_session=evil',
  'bff_session',
]
const plant = planted.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')
const planting: readonly Case[] = [
  { ids: 'CK-5', what: 'an answer', says: `${four}${plant}Set-Cookie: theme=dark\r\n\r\nfine`, status: 200 },
  {
    ids: 'CK-5',
    what: 'an error',
    says: `HTTP/1.1 500 No\r\n${plant}Set-Cookie: theme=dark\r\nContent-Length: 0\r\n\r\n`,
    status: 500,
  },
  {
    ids: 'CK-5',
    what: 'a 304',
    says: `HTTP/1.1 304 Not Modified\r\n${plant}Set-Cookie: theme=dark\r\n\r\n`,
    status: 304,
  },
  {
    ids: 'CK-5',
    what: 'a redirect',
    says: `HTTP/1.1 302 Found\r\nLocation: /\r\n${plant}Set-Cookie: theme=dark\r\nContent-Length: 0\r\n\r\n`,
    status: 302,
  },
  {
    ids: 'CK-5',
    what: 'an interim answer',
    says: `HTTP/1.1 103 Early Hints\r\n${plant}Link: </a>; rel=preload\r\n\r\n${four}Set-Cookie: theme=dark\r\n\r\nfine`,
    status: 200,
  },
  {
    ids: 'CK-5 H1-15',
    what: 'the trailers',
    says: `${ok}Trailer: Set-Cookie\r\nTransfer-Encoding: chunked\r\nSet-Cookie: theme=dark\r\n\r\n4\r\nfine\r\n0\r\n${plant}X-Sum: 1\r\n\r\n`,
    status: 200,
  },
]

/** Says what the case says that the path names. */
function scripted(all: readonly Case[]): (text: string, socket: Socket) => void {
  return (text, socket) => {
    const index = /\/case(\d+)[\s\S]*\r\n\r\n$/.exec(text.slice(text.lastIndexOf(' /case')))?.[1]
    if (index === undefined) return
    const { says, stays } = all[Number(index)]!
    if (stays) socket.write(says, 'latin1')
    else socket.end(says, 'latin1')
  }
}

async function judge(t: Test, bridge: RawBridge, bytes: string, row: Case): Promise<string> {
  const { status, body, gone = /never/, kept = /^/ } = row
  const client = bridge.send(bytes)
  const text = await client.until((text) => answered(text, row.method === 'HEAD', status))
  client.close()
  t.match(text, new RegExp(`(^|\r\n\r\n)HTTP/1\\.1 ${status} `))
  if (body !== undefined)
    t.ok(text.endsWith(`\r\n\r\n${body}`) || text.includes(`\r\n${body}\r\n0\r\n`), JSON.stringify(text))
  t.notMatch(text.replace(/\{"type":.*/, ''), gone)
  t.match(text, kept)
  t.match(text, /\r\nX-Correlation-ID: [\w-]{36}\r\n/)
  return text
}

/** The final head is there, and the body that it announces. */
function answered(text: string, head: boolean, status: number): boolean {
  const at = text.lastIndexOf(`HTTP/1.1 ${status}`)
  const end = text.indexOf('\r\n\r\n', at)
  if (at === -1 || end === -1) return false
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(at, end))?.[1] ?? 0)
  if (head || status === 204 || status === 304) return true
  if (/\r\ntransfer-encoding: chunked/i.test(text.slice(at, end))) return /\r\n0\r\n[\s\S]*\r\n$/.test(text.slice(end))
  return text.length >= end + 4 + length
}

t.test('answers of an open route', async (t) => {
  const bridge = await startRawBridge(t, scripted(cases))
  for (const row of chosen(cases)) {
    t.test(`${row.ids}: ${row.what} of an upstream is ${row.status}`, async (t) => {
      const bytes = get(`/open/case${cases.indexOf(row)}`, 'Connection: close\r\n').replace('GET', row.method ?? 'GET')
      await judge(t, bridge, bytes, row)
    })
  }
})

t.test('cookies that an upstream may not set', async (t) => {
  const bridge = await startSessionBridge(t, scripted(planting))
  for (const row of chosen(planting)) {
    t.test(`${row.ids}: names of ours in ${row.what} do not reach the browser`, async (t) => {
      const text = await judge(
        t,
        bridge,
        get(`/guarded/case${planting.indexOf(row)}`, `Cookie: ${bridge.cookie}\r\n`),
        row,
      )
      t.notMatch(text, /evil|bff_/i)
      t.match(text, /Set-Cookie: theme=dark/)
    })
  }
})

const shared: readonly Case[] = [
  {
    ids: 'H9-15',
    what: 'a public answer',
    says: `${four}Cache-Control: public, s-maxage=60, max-age=5\r\nCDN-Cache-Control: max-age=60\r\n\r\nfine`,
    status: 200,
    gone: /public|s-maxage|cdn-/i,
    kept: /cache-control: max-age=5, private\r/i,
  },
  {
    ids: 'H9-15',
    what: 'an answer that says nothing',
    says: `${four}\r\nfine`,
    status: 200,
    kept: /cache-control: private\r/i,
  },
  {
    ids: 'H9-15',
    what: 'one that says no-store',
    says: `${four}Cache-Control: no-store\r\n\r\nfine`,
    status: 200,
    kept: /cache-control: no-store\r/i,
  },
  {
    ids: 'BBA-11',
    what: 'a reflected Origin',
    says: `${four}Access-Control-Allow-Origin: https://evil.example\r\nAccess-Control-Allow-Credentials: true\r\n\r\nfine`,
    status: 200,
    gone: /access-control|evil/i,
  },
]

t.test('answers of a session route', async (t) => {
  const bridge = await startSessionBridge(t, scripted(shared))
  for (const row of chosen(shared)) {
    t.test(`${row.ids}: ${row.what} is for this session alone`, async (t) => {
      await judge(t, bridge, get(`/guarded/case${shared.indexOf(row)}`, `Cookie: ${bridge.cookie}\r\n`), row)
    })
  }
})
