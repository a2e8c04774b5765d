import { Buffer } from 'node:buffer'
import t from 'tap'
import { defaultLimits } from '../../../core/run/limits.ts'
import { unreadableCode } from '../../../core/run/unreadable.ts'

const limits = { ...defaultLimits, headers: 64, target: 32 }

function codeOf(code: string | undefined, text?: string): string | undefined {
  return unreadableCode({ code, rawPacket: text === undefined ? undefined : Buffer.from(text, 'latin1') }, limits)
}

t.test('a socket that failed leaves nobody to answer', async (t) => {
  for (const code of ['ECONNRESET', 'EPIPE', 'ETIMEDOUT']) t.equal(codeOf(code, 'BREW / HTTP/1.1\r\n'), undefined, code)
})

t.test('too long is the target or the fields, by where the limit was met', async (t) => {
  const cases: Record<string, [packet: string | undefined, code: string]> = {
    'the first line does not end': [`GET /${'a'.repeat(80)}`, 'TARGET_TOO_LONG'],
    'it ends past the limit of a target': [`GET /${'a'.repeat(40)} HTTP/1.1\r\nA: b`, 'TARGET_TOO_LONG'],
    'it ends in time': [`GET / HTTP/1.1\r\nA: ${'b'.repeat(80)}`, 'HEADERS_TOO_LARGE'],
    'a later piece, which has no first line': [`c: ${'d'.repeat(80)}`, 'HEADERS_TOO_LARGE'],
    'no piece is at hand': [undefined, 'HEADERS_TOO_LARGE'],
  }
  for (const [what, [packet, code]] of Object.entries(cases)) t.equal(codeOf('HPE_HEADER_OVERFLOW', packet), code, what)
})

t.test('a method nobody knows is told from a line that is none', async (t) => {
  const cases: Record<string, string> = {
    'BREW /pot HTTP/1.1\r\n': 'NOT_IMPLEMENTED',
    'get / HTTP/1.1\r\n': 'NOT_IMPLEMENTED',
    'OPTIONZ * HTTP/1.0\r\n': 'NOT_IMPLEMENTED',
    'GET / HTTP/1.1\r\n': 'BAD_REQUEST',
    'BREW /a b HTTP/1.1\r\n': 'BAD_REQUEST',
    'BREW / HTTP/2.0\r\n': 'BAD_REQUEST',
    'BREW / HTTP/1.1\n': 'BAD_REQUEST',
    'B(EW / HTTP/1.1\r\n': 'BAD_REQUEST',
    '\x16\x03\x01': 'BAD_REQUEST',
  }
  for (const [line, code] of Object.entries(cases)) t.equal(codeOf('HPE_INVALID_METHOD', line), code, line)
  t.equal(codeOf(undefined), 'BAD_REQUEST')
  t.equal(codeOf('ERR_HTTP_REQUEST_TIMEOUT', 'BREW / HTTP/1.1\r\n'), 'REQUEST_TIMEOUT')
})
