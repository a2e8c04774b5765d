import t from 'tap'
import { page } from './browse.ts'
import { stand } from './stand.ts'
import { wireFetch } from './wire-fetch.ts'

const { url } = await stand(t, {
  server: ', trusted_proxies: [127.0.0.1]',
  settings: 'session: { store: { use: memory, with: { max_entries: 24 } } }',
})

const pairOf = (answer: Response) => answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? ''

async function begin(address: string) {
  const answer = await wireFetch(`${url}/auth/login`, { headers: { ...page, 'x-forwarded-for': address } })
  const sent = await wireFetch(answer.headers.get('location') ?? '')
  return { handle: pairOf(answer), callback: sent.headers.get('location') ?? '' }
}

async function finish({ handle, callback }: Awaited<ReturnType<typeof begin>>): Promise<number> {
  return (await wireFetch(callback, { headers: { ...page, cookie: handle } })).status
}

for (const [who, addresses] of [
  ['one address', () => '203.0.113.66'],
  ['one IPv6 network', (n: number) => `2001:db8:0:1::${n.toString(16)}`],
  ['one address that claims others before the proxy', (n: number) => `198.51.100.${n}, 203.0.113.66`],
] as const)
  t.test(`a flood of logins from ${who} takes nobody else's login away`, async (t) => {
    const mine = await begin('192.0.2.1')
    const neighbour = await begin('2001:db8:0:2::1')
    const first = await begin(addresses(0))
    for (let n = 1; n < 30; n++) await wireFetch(`${url}/auth/login`, { headers: { 'x-forwarded-for': addresses(n) } })
    t.equal(await finish(first), 400, 'it has pushed out its own')
    t.equal(await finish(mine), 200)
    t.equal(await finish(neighbour), 200)
  })
