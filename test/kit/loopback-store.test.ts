import t from 'tap'
import { sessionStoreContract } from '../../plugins/testing/index.ts'
import { contractTest } from './contract-test.ts'
import { LoopbackStore } from './loopback-store.ts'
import { startStoreServer } from './store-server.ts'

async function open(): Promise<LoopbackStore> {
  const server = await startStoreServer()
  const store = new LoopbackStore(server.port, 'one')
  t.teardown(async () => {
    await store.close()
    await server.close()
  })
  return store
}

sessionStoreContract(open, { test: contractTest(t), name: 'loopback' })

t.test('a lease of one client is not given to another, until its time is up', async (t) => {
  const server = await startStoreServer()
  const [one, two] = ['one', 'two'].map((name) => new LoopbackStore(server.port, name))
  t.teardown(() => Promise.all([one?.close(), two?.close(), server.close()]))
  const held = await one?.lease('q:1', 60_000)
  t.equal(await two?.lease('q:1', 60_000), undefined)
  await server.expireLeases('one')
  t.ok(await two?.lease('q:1', 60_000))
  t.equal(await held?.renew(60_000), false)
})
