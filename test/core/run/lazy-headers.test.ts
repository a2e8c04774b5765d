// What hooks into node:http finds the whole object of headers, though nobody here makes it.
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { http1Options } from '../../../core/server/listener.ts'
import { rawClient } from '../../kit/raw-client.ts'

type Look = (headers: http.IncomingHttpHeaders) => unknown

async function seen(t: Test, look: Look, fields = ''): Promise<unknown> {
  let found: unknown
  const server = http.createServer(http1Options, (req, res) => {
    found = look(req.headers)
    res.end()
  })
  t.teardown(() => server.close())
  server.on('checkContinue', (req, res) => server.emit('request', req, res))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = rawClient(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\naccept: y\r\n${fields}\r\n`)
  await client.until((text) => text.includes('\r\n\r\n'))
  return found
}

const looks: Record<string, Look> = {
  'one field': ({ accept }) => accept === 'x, y',
  'all names': (headers) => Object.keys(headers).join() === 'host,accept',
  'a copy': (headers) => ({ ...headers }).host === 'a',
  JSON: (headers) => JSON.stringify(headers) === '{"host":"a","accept":"x, y"}',
  'whether there is one': (headers) => 'accept' in headers && !('cookie' in headers),
  'an own property': (headers) => Object.hasOwn(headers, 'host'),
  'one that is added': (headers) => {
    headers['x-added'] = '1'
    return headers['x-added'] === '1' && headers.host === 'a'
  },
  'one that is taken away': (headers) => delete headers.host && headers.host === undefined && headers.accept === 'x, y',
  'the absent Expect': ({ expect }) => expect === undefined,
}

t.test('headers can be read, listed, copied and changed as those of node:http', async (t) => {
  for (const [what, look] of Object.entries(looks)) t.equal(await seen(t, look), true, what)
  t.equal(await seen(t, (headers) => headers['x-added']), undefined, 'and belong to one request')
})

t.test('an Expect is found', async (t) => {
  t.equal(await seen(t, ({ expect }) => expect, 'Expect: 100-continue\r\n'), '100-continue')
})
