// What a client of HTTP/2 may do wrong, frame by frame (RFC 9113, RFC 7541), and what it must cost: its stream, its connection, or nothing.
import { Buffer } from 'node:buffer'
import {
  ACK,
  block,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  request,
  SETTINGS,
  u32,
  WINDOW_UPDATE,
} from '../kit/http2-raw.ts'

export interface Http2Case {
  /** Sections of RFC 9113 without more, CVEs. */
  readonly ids: string
  readonly what: string
  readonly frames: readonly Uint8Array[]
  /**
   * `connection`: closed with an error. `stream`: that stream is reset, and the connection goes on. `refused`: a problem is the answer. `served`:
   * the service was asked.
   */
  readonly ends: 'connection' | 'stream' | 'refused' | 'served'
  /** What the service hears of it, where it hears anything. */
  readonly heard?: RegExp
  readonly never?: RegExp
}

type Field = readonly [string, string]

const ENDS = END_STREAM | END_HEADERS
const abc = Buffer.from('abc')
const head = (...fields: readonly Field[]) => frame(HEADERS, ENDS, 1, block(fields))
const get = (...more: readonly Field[]) => frame(HEADERS, ENDS, 1, request(more))
const post = (...more: readonly Field[]) => frame(HEADERS, END_HEADERS, 1, request(more, '/', 'POST'))
const at = (path: string, method = 'GET') => frame(HEADERS, ENDS, 1, request([], path, method))
const whole = frame(DATA, END_STREAM, 1, abc)
const raw = (...bytes: number[]) => frame(HEADERS, ENDS, 1, Buffer.concat([request(), Buffer.from(bytes)]))

const METHOD: Field = [':method', 'GET']
const SCHEME: Field = [':scheme', 'https']
const PATH: Field = [':path', '/']
const AUTHORITY: Field = [':authority', 'localhost']

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id)
  bytes.writeUInt32BE(value, 2)
  return frame(SETTINGS, 0, 0, bytes)
}

const frames: readonly Http2Case[] = [
  { ids: '6.1', what: 'DATA on stream 0', frames: [frame(DATA, 0, 0, abc)], ends: 'connection' },
  { ids: '5.1', what: 'DATA on a stream that never began', frames: [whole], ends: 'connection' },
  { ids: '6.2', what: 'HEADERS on stream 0', frames: [frame(HEADERS, ENDS, 0, request())], ends: 'connection' },
  {
    ids: '5.1.1',
    what: 'a stream with an even number',
    frames: [frame(HEADERS, ENDS, 2, request())],
    ends: 'connection',
  },
  { ids: '5.1.1', what: 'a stream that is used twice', frames: [get(), get()], ends: 'connection' },
  {
    ids: '5.1.1',
    what: 'a stream with a smaller number than the last is read past',
    frames: [frame(HEADERS, ENDS, 5, request([], '/..')), frame(HEADERS, ENDS, 3, request([], '/evil'))],
    ends: 'refused',
  },
  { ids: '5.1', what: 'DATA behind END_STREAM', frames: [get(), frame(DATA, END_STREAM, 1, abc)], ends: 'connection' },
  { ids: '5.1', what: 'RST_STREAM before the stream', frames: [frame(RST_STREAM, 0, 1, u32(0))], ends: 'connection' },
  {
    ids: '5.1',
    what: 'WINDOW_UPDATE before the stream',
    frames: [frame(WINDOW_UPDATE, 0, 1, u32(1))],
    ends: 'connection',
  },
  { ids: '6.4', what: 'RST_STREAM of three bytes', frames: [post(), frame(RST_STREAM, 0, 1, abc)], ends: 'connection' },
  { ids: '6.5', what: 'SETTINGS of three bytes', frames: [frame(SETTINGS, 0, 0, abc)], ends: 'connection' },
  { ids: '6.5', what: 'SETTINGS on a stream', frames: [frame(SETTINGS, 0, 1)], ends: 'connection' },
  {
    ids: '6.5',
    what: 'an ACK of SETTINGS with a payload',
    frames: [frame(SETTINGS, ACK, 0, Buffer.alloc(6))],
    ends: 'connection',
  },
  { ids: '6.5.2', what: 'ENABLE_PUSH that is neither 0 nor 1', frames: [setting(2, 2)], ends: 'connection' },
  { ids: '6.5.2', what: 'a window beyond 2^31-1', frames: [setting(4, 2 ** 31)], ends: 'connection' },
  { ids: '6.5.2', what: 'a frame size below 16,384', frames: [setting(5, 1)], ends: 'connection' },
  { ids: '6.7', what: 'PING of seven bytes', frames: [frame(PING, 0, 0, Buffer.alloc(7))], ends: 'connection' },
  { ids: '6.7', what: 'PING on a stream', frames: [frame(PING, 0, 1, Buffer.alloc(8))], ends: 'connection' },
  {
    ids: '6.6',
    what: 'PUSH_PROMISE',
    frames: [get(), frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([u32(2), request()]))],
    ends: 'connection',
  },
  { ids: '6.8', what: 'GOAWAY on a stream', frames: [frame(GOAWAY, 0, 1, Buffer.alloc(8))], ends: 'connection' },
  { ids: '6.9', what: 'WINDOW_UPDATE by 0', frames: [frame(WINDOW_UPDATE, 0, 0, u32(0))], ends: 'connection' },
  {
    ids: '6.9',
    what: 'WINDOW_UPDATE of a stream by 0',
    frames: [post(), frame(WINDOW_UPDATE, 0, 1, u32(0))],
    ends: 'connection',
  },
  {
    ids: '6.9.1',
    what: 'a window that overflows',
    frames: [frame(WINDOW_UPDATE, 0, 0, u32(2 ** 31 - 1))],
    ends: 'connection',
  },
  {
    ids: '6.9.1',
    what: 'the window of a stream that overflows',
    frames: [post(), frame(WINDOW_UPDATE, 0, 1, u32(2 ** 31 - 1))],
    ends: 'connection',
  },
  {
    ids: '4.2',
    what: 'a frame above the size allowed',
    frames: [post(), frame(DATA, 0, 1, Buffer.alloc(16_385))],
    ends: 'connection',
  },
  {
    ids: '6.1',
    what: 'padding longer than its frame',
    frames: [post(), frame(DATA, PADDED, 1, Buffer.from([9, 1]))],
    ends: 'connection',
  },
  {
    ids: '6.10',
    what: 'CONTINUATION of nothing',
    frames: [frame(CONTINUATION, END_HEADERS, 1, request())],
    ends: 'connection',
  },
  {
    ids: '6.10',
    what: 'CONTINUATION of another stream',
    frames: [frame(HEADERS, END_STREAM, 1, request()), frame(CONTINUATION, END_HEADERS, 3)],
    ends: 'connection',
  },
  {
    ids: '6.2',
    what: 'a frame between HEADERS and CONTINUATION',
    frames: [
      frame(HEADERS, END_STREAM, 1, request()),
      frame(PING, 0, 0, Buffer.alloc(8)),
      frame(CONTINUATION, END_HEADERS, 1),
    ],
    ends: 'connection',
  },
  {
    ids: '5.3',
    what: 'a stream that depends on itself',
    frames: [frame(PRIORITY, 0, 3, Buffer.concat([u32(3), Buffer.from([0])]))],
    ends: 'connection',
  },
  { ids: '5.5', what: 'an unknown frame is read past', frames: [frame(0xbe, 0xff, 0, abc), get()], ends: 'served' },
]

const compression: readonly Http2Case[] = [
  { ids: 'RFC7541-6.1', what: 'index 0', frames: [raw(0x80)], ends: 'connection' },
  { ids: 'RFC7541-2.3.3', what: 'an index that is in no table', frames: [raw(0xff, 0x00)], ends: 'connection' },
  {
    ids: 'RFC7541-5.1',
    what: 'an integer without end',
    frames: [raw(0xff, ...Array.from({ length: 12 }, () => 0xff))],
    ends: 'connection',
  },
  {
    ids: 'RFC7541-5.2',
    what: 'a string longer than its block',
    frames: [raw(0x00, 0x7f, 0xff, 0x7f)],
    ends: 'connection',
  },
  {
    ids: 'RFC7541-5.2',
    what: 'a Huffman code that is none',
    frames: [raw(0x00, 0x84, 0xff, 0xff, 0xff, 0xff)],
    ends: 'connection',
  },
  {
    ids: 'RFC7541-4.2',
    what: 'a table larger than allowed',
    frames: [frame(HEADERS, ENDS, 1, Buffer.concat([Buffer.from([0x3f, 0xe1, 0xff, 0x03]), request()]))],
    ends: 'connection',
  },
]

const heads: readonly Http2Case[] = [
  {
    ids: '8.3',
    what: 'a pseudo-header behind a field',
    frames: [head(METHOD, SCHEME, ['x-a', 'b'], PATH, AUTHORITY)],
    ends: 'stream',
  },
  {
    ids: '8.3.1',
    what: 'two methods',
    frames: [head(METHOD, [':method', 'POST'], SCHEME, PATH, AUTHORITY)],
    ends: 'stream',
  },
  {
    ids: '8.3.1',
    what: 'two paths',
    frames: [head(METHOD, SCHEME, PATH, [':path', '/other'], AUTHORITY)],
    ends: 'stream',
  },
  { ids: '8.3.1', what: 'two schemes', frames: [head(METHOD, SCHEME, SCHEME, PATH, AUTHORITY)], ends: 'stream' },
  { ids: '8.3.1', what: 'two authorities', frames: [head(METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY)], ends: 'stream' },
  {
    ids: '8.3',
    what: 'a pseudo-header of answers',
    frames: [head(METHOD, SCHEME, PATH, AUTHORITY, [':status', '200'])],
    ends: 'stream',
  },
  { ids: '8.3.1', what: 'no method', frames: [head(SCHEME, PATH, AUTHORITY)], ends: 'stream' },
  { ids: '8.3.1', what: 'no scheme', frames: [head(METHOD, PATH, AUTHORITY)], ends: 'stream' },
  { ids: '8.3.1', what: 'an empty path', frames: [head(METHOD, SCHEME, [':path', ''], AUTHORITY)], ends: 'stream' },
  { ids: '8.3.1', what: '* in a GET', frames: [at('*')], ends: 'stream' },
  { ids: '8.3.1', what: ':authority and another Host', frames: [get(['host', 'other.example'])], ends: 'refused' },
  {
    ids: '8.3.1',
    what: ':authority and the same Host, which stands once',
    frames: [get(['host', 'LOCALHOST'])],
    ends: 'served',
  },
  {
    ids: '8.3.1',
    what: 'an empty authority',
    frames: [head(METHOD, SCHEME, PATH, [':authority', ''])],
    ends: 'stream',
  },
  {
    ids: '8.3.1',
    what: 'userinfo in the authority',
    frames: [head(METHOD, SCHEME, PATH, [':authority', 'a@localhost'])],
    ends: 'refused',
  },
  {
    ids: '8.3.1',
    what: 'a path in the authority',
    frames: [head(METHOD, SCHEME, PATH, [':authority', 'localhost/a'])],
    ends: 'stream',
  },
  {
    ids: '8.3.1',
    what: 'a line end in the authority',
    frames: [head(METHOD, SCHEME, PATH, [':authority', 'a\r\nx-evil: 1'])],
    ends: 'stream',
  },
  {
    ids: 'CVE-2021-33193',
    what: 'a request line in the method',
    frames: [at('/', 'GET /admin HTTP/1.1\r\nhost: x\r\n\r\nGET')],
    ends: 'stream',
  },
  { ids: 'CVE-2021-33193', what: 'a blank in the method', frames: [at('/', 'GET /evil')], ends: 'stream' },
  { ids: '8.3.1', what: 'a method in lower case is another', frames: [at('/', 'get')], ends: 'refused' },
  {
    ids: '8.3.1',
    what: 'a URL in the scheme',
    frames: [head(METHOD, [':scheme', 'https://evil/x?'], PATH, AUTHORITY)],
    ends: 'stream',
  },
  {
    ids: '8.3.1',
    what: 'an unknown scheme',
    frames: [head(METHOD, [':scheme', 'ftp'], PATH, AUTHORITY)],
    ends: 'refused',
  },
  { ids: '8.3.1', what: 'a line end in the path', frames: [at('/a\r\nx-evil: 1')], ends: 'stream' },
  { ids: '8.3.1', what: 'a blank in the path', frames: [at('/a HTTP/1.1')], ends: 'stream' },
  { ids: '8.3.1', what: 'a fragment in the path', frames: [at('/a#b')], ends: 'refused' },
  { ids: '8.3.1', what: 'a path without its slash', frames: [at('evil')], ends: 'stream' },
  { ids: '8.3.1', what: 'high bytes in the path', frames: [at('/\xff')], ends: 'refused' },
  {
    ids: '8.5',
    what: 'CONNECT',
    frames: [head([':method', 'CONNECT'], [':authority', 'localhost:443'])],
    ends: 'refused',
  },
  {
    ids: '8.5',
    what: 'CONNECT with a path',
    frames: [head([':method', 'CONNECT'], SCHEME, PATH, AUTHORITY)],
    ends: 'stream',
  },
  {
    ids: 'RFC8441',
    what: 'extended CONNECT, which was not offered',
    frames: [
      frame(
        HEADERS,
        END_HEADERS,
        1,
        block([[':method', 'CONNECT'], [':protocol', 'websocket'], SCHEME, PATH, AUTHORITY]),
      ),
    ],
    ends: 'stream',
  },
  { ids: 'RFC8441', what: ':protocol in a GET', frames: [get([':protocol', 'websocket'])], ends: 'stream' },
]

const fields: readonly Http2Case[] = [
  { ids: '8.2.1', what: 'a name in upper case', frames: [get(['X-Evil', '1'])], ends: 'stream' },
  { ids: '8.2.1 CVE-2019-9516', what: 'an empty name', frames: [get(['', 'evil'])], ends: 'served', never: /evil/ },
  { ids: '8.2.1', what: 'a blank in a name', frames: [get(['x evil', '1'])], ends: 'served', never: /evil/ },
  { ids: '8.2.1', what: 'a colon in a name', frames: [get(['x-evil:y', '1'])], ends: 'served', never: /evil/ },
  { ids: '8.2.1', what: 'a line end in a name', frames: [get(['x\r\nx-evil', '1'])], ends: 'served', never: /evil/ },
  {
    ids: '8.2.1',
    what: 'a line end in a value',
    frames: [get(['x-a', 'b\r\nx-evil: 1'])],
    ends: 'served',
    never: /evil/,
  },
  { ids: '8.2.1', what: 'a bare LF in a value', frames: [get(['x-a', 'b\nx-evil: 1'])], ends: 'served', never: /evil/ },
  { ids: '8.2.1', what: 'NUL in a value', frames: [get(['x-a', 'b\0evil'])], ends: 'served', never: /evil/ },
  {
    ids: '8.2.1',
    what: 'a whole request in a value',
    frames: [get(['x-a', 'b\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n'])],
    ends: 'served',
    never: /evil/,
  },
  {
    ids: '8.2.1',
    what: 'blanks around a value',
    frames: [get(['x-a', ' b '])],
    ends: 'served',
    never: /x-a: {2}|b $/m,
  },
  {
    ids: '8.2.3',
    what: 'a line end in a crumb',
    frames: [get(['cookie', 'a=1'], ['cookie', 'b=\r\nx-evil: 1'])],
    ends: 'served',
    never: /evil/,
  },
  { ids: '8.2.2', what: 'Connection', frames: [get(['connection', 'x-a'])], ends: 'stream' },
  { ids: '8.2.2', what: 'Keep-Alive', frames: [get(['keep-alive', '5'])], ends: 'stream' },
  { ids: '8.2.2', what: 'Proxy-Connection', frames: [get(['proxy-connection', 'close'])], ends: 'stream' },
  { ids: '8.2.2', what: 'Transfer-Encoding', frames: [post(['transfer-encoding', 'chunked']), whole], ends: 'stream' },
  {
    ids: '8.2.2',
    what: 'Transfer-Encoding in pieces',
    frames: [post(['transfer-encoding', 'identity'], ['transfer-encoding', 'chunked']), whole],
    ends: 'stream',
  },
  { ids: '8.2.2', what: 'Upgrade', frames: [get(['upgrade', 'h2c'])], ends: 'stream' },
  { ids: '8.2.2', what: 'TE other than trailers', frames: [get(['te', 'trailers, gzip'])], ends: 'stream' },
  { ids: '8.2.2', what: 'TE of this hop', frames: [get(['te', 'trailers'])], ends: 'served', never: /^te:/im },
  {
    ids: '8.2.2',
    what: 'HTTP2-Settings',
    frames: [get(['http2-settings', 'AAMAAABk'])],
    ends: 'served',
    never: /http2-settings/i,
  },
]

const bodies: readonly Http2Case[] = [
  {
    ids: '8.1.1 H2.CL',
    what: 'a body longer than its length',
    frames: [post(['content-length', '0']), frame(DATA, END_STREAM, 1, Buffer.from('GET /evil HTTP/1.1\r\n\r\n'))],
    ends: 'stream',
  },
  {
    ids: '8.1.1 H2.CL',
    what: 'a body shorter than its length',
    frames: [post(['content-length', '5']), whole],
    ends: 'stream',
  },
  { ids: '8.1.1', what: 'a length, and no body', frames: [get(['content-length', '3'])], ends: 'stream' },
  {
    ids: '8.1.1',
    what: 'two lengths',
    frames: [post(['content-length', '3'], ['content-length', '3']), whole],
    ends: 'stream',
  },
  { ids: '8.1.1', what: 'a list of lengths', frames: [post(['content-length', '3, 3']), whole], ends: 'stream' },
  { ids: '8.1.1', what: 'a length with a sign', frames: [post(['content-length', '+3']), whole], ends: 'stream' },
  {
    ids: '8.1.1',
    what: 'a length that says it all',
    frames: [post(['content-length', '3']), whole],
    ends: 'served',
    heard: /\r\nContent-Length: 3\r\n(?:.*\r\n)*\r\nabc$/i,
  },
  {
    ids: '8.1.1',
    what: 'no length: chunks of our own',
    frames: [post(), whole],
    ends: 'served',
    heard: /\r\nTransfer-Encoding: chunked\r\n(?:.*\r\n)*\r\n3\r\nabc\r\n0\r\n\r\n$/i,
  },
  {
    ids: '8.1.1',
    what: 'what looks like a chunk is a body',
    frames: [post(), frame(DATA, END_STREAM, 1, Buffer.from('0\r\n\r\nGET /x HTTP/1.1\r\n\r\n'))],
    ends: 'served',
    heard: /\r\n\r\n18\r\n0\r\n\r\nGET \/x HTTP\/1\.1\r\n\r\n\r\n0\r\n\r\n$/i,
  },
  {
    ids: '6.1',
    what: 'padding is no body',
    frames: [post(), frame(DATA, PADDED | END_STREAM, 1, Buffer.from('\x05abcevil!'))],
    ends: 'served',
    heard: /\r\n3\r\nabc\r\n0\r\n\r\n$/,
    never: /evil/,
  },
  {
    ids: '8.1',
    what: 'trailers are read past',
    frames: [
      post(),
      frame(DATA, 0, 1, abc),
      frame(
        HEADERS,
        ENDS,
        1,
        block([
          ['x-evil', '1'],
          ['authorization', 'evil'],
        ]),
      ),
    ],
    ends: 'served',
    never: /evil/,
  },
  {
    ids: '8.1',
    what: 'a length in the trailers',
    frames: [post(), frame(DATA, 0, 1, abc), frame(HEADERS, ENDS, 1, block([['content-length', '9']]))],
    ends: 'stream',
  },
  {
    ids: '8.1',
    what: 'a pseudo-header in the trailers',
    frames: [post(), frame(DATA, 0, 1, abc), frame(HEADERS, ENDS, 1, block([[':path', '/evil']]))],
    ends: 'stream',
  },
  {
    ids: '8.1',
    what: 'Transfer-Encoding in the trailers',
    frames: [post(), frame(DATA, 0, 1, abc), frame(HEADERS, ENDS, 1, block([['transfer-encoding', 'chunked']]))],
    ends: 'stream',
  },
  {
    ids: '8.1',
    what: 'trailers without an end',
    frames: [post(), frame(DATA, 0, 1, abc), frame(HEADERS, END_HEADERS, 1, block([['x-a', 'b']]))],
    ends: 'stream',
  },
]

const fill: readonly Field[] = Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'v'.repeat(900)] as const)
const large = block(fill)
const pieces = Array.from({ length: Math.ceil(large.length / 16_000) }, (_, i) =>
  large.subarray(i * 16_000, (i + 1) * 16_000),
)
/** One entry of 4,000 bytes in the table, and then a byte for each time it is meant. */
const bomb = Buffer.concat([
  request(),
  Buffer.from([0x40]),
  block([['x-b', 'b'.repeat(3_900)]]).subarray(1),
  Buffer.alloc(10_000, 0xbe),
])

const sizes: readonly Http2Case[] = [
  {
    ids: '10.5.1',
    what: 'more fields than are taken',
    frames: [get(...Array.from({ length: 120 }, (): Field => ['x-a', 'b']))],
    ends: 'refused',
  },
  {
    ids: '10.5.1',
    what: 'a head larger than is taken, in CONTINUATIONs',
    frames: [
      frame(HEADERS, END_STREAM, 1, request()),
      ...pieces.map((piece, i) => frame(CONTINUATION, i === pieces.length - 1 ? END_HEADERS : 0, 1, piece)),
    ],
    ends: 'refused',
  },
  {
    ids: '10.5.1 CVE-2016-6581',
    what: 'an HPACK bomb: 14 KB that say 39 MB',
    frames: [frame(HEADERS, ENDS, 1, bomb)],
    ends: 'stream',
  },
]

export const http2Cases: Readonly<Record<string, readonly Http2Case[]>> = {
  frames,
  compression,
  heads,
  fields,
  bodies,
  sizes,
}
