import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Discovery } from '../../../../plugins/lib/idp/idp-discovery.ts'

type Say = (res: ServerResponse, issuer: string) => void

/** A provider whose metadata is this. */
async function discovery(t: Test, say: Say): Promise<Discovery> {
  const server = createServer((req, res) => {
    if (req.url === '/elsewhere') return json(res, { issuer: issuer() })
    say(res, issuer())
  }).listen(0, '127.0.0.1')
  const issuer = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return new Discovery({
    issuer: issuer(),
    client_id: 'bff',
    client_secret: 'a secret',
    client_auth: 'client_secret_basic',
  })
}

function json(res: ServerResponse, value: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

t.test('metadata is taken from the issuer itself, with or without the final slash', async (t) => {
  for (const slash of ['', '/']) {
    const found = await discovery(t, (res, issuer) => json(res, { issuer: `${issuer}${slash}` }))
    t.match((await found.configuration()).serverMetadata().issuer, /^http:/)
  }
})

t.test('what speaks for another issuer, or sends elsewhere, is not believed', async (t) => {
  const evil = await discovery(t, (res) => json(res, { issuer: 'https://evil.test' }))
  await t.rejects(evil.configuration(), /speaks for the issuer https:\/\/evil\.test/)
  const silent = await discovery(t, (res) => json(res, {}))
  await t.rejects(silent.configuration(), /speaks for the issuer undefined/)
  const sent = await discovery(t, (res) => res.writeHead(302, { location: '/elsewhere' }).end())
  await t.rejects(sent.configuration(), /answered 302/)
})

t.test('a provider that signs with nothing that proves anything is refused', async (t) => {
  const weak = await discovery(t, (res, issuer) =>
    json(res, { issuer, id_token_signing_alg_values_supported: ['HS256', 'none'] }),
  )
  await t.rejects(weak.configuration(), /signs ID tokens with HS256, none only/)
})
