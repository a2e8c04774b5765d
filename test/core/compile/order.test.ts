// All orders and single deletions of the six stages: only the safe ones load, and the others say which stage and slot, and where.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatProblem } from '../../../core/config/report.ts'
import { loadConfig } from '../../../core/load/load-config.ts'
import { tempDir } from '../../kit/bascule.ts'
import { profile, settings, stages } from '../../kit/default-profile.ts'

const acting = stages.filter((name) => name !== 'log').join()
const routes = `
services: { api: { base_url: "http://127.0.0.1:9" } }
routes: [{ id: guarded, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: session }]
`

function* permutations<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield []
  for (const [i, first] of list.entries()) {
    for (const rest of permutations(list.toSpliced(i, 1))) yield [first, ...rest]
  }
}

t.test('the six stages load in their order only; log may stand anywhere', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': settings(),
    'routes.yaml': routes,
    'profiles/audience-bridge.yaml': profile(),
  })
  const load = async (list: readonly string[]) => {
    writeFileSync(join(dir, 'profiles/audience-bridge.yaml'), profile(list))
    return (await loadConfig({ dir, env: {} })).report
  }

  let loaded = 0
  const silent: string[] = []
  for (const order of permutations(stages)) {
    const report = await load(order)
    const safe = order.filter((name) => name !== 'log').join() === acting
    if (report.failed === safe) t.fail(`${order.join()} ${safe ? 'does not load' : 'loads'}`)
    if (!report.failed) loaded++
    const told = report.problems.filter((p) => p.severity === 'error').map(formatProblem)
    if (!safe && !told.some((line) => /audience-bridge\.yaml:1:\d+ error .*(slot|terminal)/.test(line)))
      silent.push(order.join())
  }
  t.equal(loaded, 6, 'of 720 orders six load')
  t.same(silent, [], 'every refusal names the place, the stages and the slot')

  for (const gone of stages) {
    const report = await load(stages.filter((name) => name !== gone))
    const lines = report.problems.map(formatProblem)
    t.equal(report.failed, gone !== 'log', `without ${gone}`)
    t.match(lines.join('\n'), gone === 'log' ? /warning .*log/ : /\.yaml:\d+:\d+ error /, `without ${gone}`)
    if (gone !== 'log' && gone !== 'forward') t.match(lines.join('\n'), /slot \w+/, `without ${gone}: names the slot`)
  }
})
