// timeout: 180s
// Connections made from a grammar of bad ideas: whatever they hold, the upstream hears only what a second reading of them says, and the
// client is told one thing for each request. FUZZ_SEED=N begins with that case; FUZZ_CASES=N runs so many of each grammar.
import process from 'node:process'
import t, { type Test } from 'tap'
import { startBascule } from '../kit/bascule.ts'
import { profile } from '../kit/default-profile.ts'
import { get } from '../kit/front.ts'
import { Fuzzer, impatient, unhurried } from '../kit/fuzz/fuzzer.ts'
import { JudgedUpstream } from '../kit/fuzz/judged-upstream.ts'
import { describe, shrink } from '../kit/fuzz/shrink.ts'
import { openSettings } from '../kit/raw-bridge.ts'
import { rawClient } from '../kit/raw-client.ts'

const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const cases = Number(process.env.FUZZ_CASES ?? 600)

async function startFuzzed(t: Test) {
  const upstream = new JudgedUpstream()
  await upstream.start()
  t.teardown(() => upstream.stop())
  const bascule = await startBascule(t, {
    'settings.yaml': openSettings(impatient),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${upstream.url}", ${unhurried} } }
routes:
  - { id: open, path: "/open/*", target_service: api, upstream_path: "/{path}", auth: none }
  - { id: guarded, path: "/guarded/*", target_service: api, upstream_path: "/{path}", auth: session }
`,
  })
  return { bascule, upstream, fuzzer: new Fuzzer(bascule.url, upstream) }
}

for (const hostile of [false, true]) {
  const what = hostile ? 'of hostile clients to an upstream that answers anything' : 'of hostile clients'
  t.test(`connections ${what}: one clean request upstream and one clean answer for each, or a close`, async (t) => {
    const { bascule, upstream, fuzzer } = await startFuzzed(t)
    const found = await fuzzer.run(seed, hostile, 48, (count) => count < cases)
    if (found) t.fail(`${found.broken.join()}; at its smallest: ${describe(await shrink(fuzzer, found))}`)
    t.comment(`FUZZ_SEED=${seed} ${fuzzer.cases} connections, ${upstream.requests} requests reached the upstream`)
    const client = rawClient(t, bascule.url)
    client.send(get('/nowhere'))
    t.match(await client.answers(1), [{ status: 404 }], 'and it still answers')
    t.same(
      bascule.lines.filter(
        (line) => line.outcome === 'fault' || line.msg === 'stage_fault' || line.code === 'INTERNAL',
      ),
      [],
    )
  })
}
