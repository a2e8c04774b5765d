import t from 'tap'
import { stand } from './stand.ts'

t.test('an operator ends all sessions of a user, on the admin listener and nowhere else', async (t) => {
  const { idp, url, bff, login, status } = await stand(t)
  const [one, two] = [await login(), await login()]
  idp.claims = { sub: 'bob', sid: 's3' }
  const bob = await login()
  const end = (body: string, at = bff.adminUrl, headers: Record<string, string> = {}) =>
    fetch(`${at}/sessions/end`, { method: 'POST', body, headers })

  t.equal((await end('{"sub":"ada"}', url)).status, 404, 'never in public')
  t.equal((await end('{"sub":"ada"}', bff.adminUrl, { origin: 'https://evil.test' })).status, 403)
  for (const body of ['', '{}', '[]', 'null', '{"sub":""}', '{"sub":7}', '{"sub":"ada","all":true}', '{"sub"'])
    t.match(await (await end(body)).json(), { status: 400, code: 'BAD_REQUEST', detail: /"sub"/ }, body)
  t.strictSame(await Promise.all([one, two, bob].map((cookie) => status(cookie))), [200, 200, 200])

  const answer = await end('{"sub":"ada"}')
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.strictSame(await answer.json(), { ended: 2 })
  t.strictSame(await Promise.all([one, two, bob].map((cookie) => status(cookie))), [401, 401, 200])
  t.strictSame(await (await end('{"sub":"ada"}')).json(), { ended: 0 })
  t.strictSame(await (await end('{"sid":"s3"}')).json(), { ended: 1 })
  t.equal(await status(bob), 401)
})
