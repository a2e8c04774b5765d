import t from 'tap'
import { freePort, startBascule } from '../kit/bascule.ts'
import { startCrowd } from '../kit/shuffle/crowd.ts'
import { brokenBy, shuffle } from '../kit/shuffle/shuffle.ts'

t.test('no answer is for another user or another audience, whoever asks for what on whose connection', async (t) => {
  const crowd = await startCrowd(2)
  t.teardown(() => crowd.close())
  const port = await freePort()
  await startBascule(t, crowd.files(port), { port })
  const result = await shuffle(crowd, port, { users: 30, ms: 2_000 })
  t.same(brokenBy(result), [])
  for (const what of ['served', 'refused', 'logouts', 'renewals'] as const)
    t.ok(result[what] > 0, `${result[what]} ${what}`)
})
