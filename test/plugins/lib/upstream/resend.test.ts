import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import t from 'tap'
import { mayResend } from '../../../../plugins/lib/upstream/resend.ts'
import { REFUSED } from '../../../../plugins/lib/upstream/upstream-fault.ts'
import { RESET } from '../../../../plugins/lib/upstream/upstream-socket.ts'

const failed = (code: string) => Object.assign(new Error(code), { code })
const bytes = Buffer.from('body')
const flowing = () => new Readable({ read() {} })

t.test('what undici had not begun to send may be sent again, whatever it is', async (t) => {
  t.equal(mayResend(failed('ECONNREFUSED'), 'POST', null, false), true)
  t.equal(mayResend(failed('ECONNREFUSED'), 'POST', bytes, false), true)
  t.equal(mayResend(failed('ECONNREFUSED'), 'POST', flowing(), false), true)
})

t.test('a streamed body whose client left is not sent again', async (t) => {
  const left = flowing()
  left.destroy()
  t.equal(mayResend(failed('ECONNREFUSED'), 'POST', left, false), false)
})

t.test('what was begun is sent again only if it may be done twice and the connection broke', async (t) => {
  for (const code of ['UND_ERR_SOCKET', RESET, 'EPIPE']) t.equal(mayResend(failed(code), 'GET', null, true), true, code)
  t.equal(mayResend(failed('UND_ERR_SOCKET'), 'PUT', bytes, true), true)
  t.equal(mayResend(failed('UND_ERR_SOCKET'), 'POST', null, true), false)
  t.equal(mayResend(failed('UND_ERR_SOCKET'), 'PATCH', bytes, true), false)
  t.equal(mayResend(failed('UND_ERR_HEADERS_TIMEOUT'), 'GET', null, true), false)
  t.equal(mayResend(failed('UND_ERR_SOCKET'), 'PUT', flowing(), true), false)
})

t.test('a request without a body that the service refused unread was never done, whatever its method', async (t) => {
  for (const code of ['EPIPE', REFUSED]) {
    t.equal(mayResend(failed(code), 'POST', null, true), true, code)
    t.equal(mayResend(failed(code), 'POST', bytes, true), false, code)
  }
})
