import t from 'tap'
import { proveOrder } from '../../../core/compile/order.ts'
import type { ListedStage, Profile, RouteEntry } from '../../../core/compile/profile.ts'
import { planPrograms } from '../../../core/compile/routes.ts'
import { Report } from '../../../core/config/report.ts'
import type { Stage } from '../../../core/index.ts'

const place = { file: 'profile.yaml', line: 1, column: 1 }
const document = { place: () => place } as unknown as RouteEntry['document']

function listed(name: string, stage: object, given = {}): ListedStage {
  const made = { name, setup: () => ({}), ...stage } as unknown as Stage
  return { name, stage: made, options: given, given, place, settingsAt: place }
}

function profileOf(stages: readonly ListedStage[], routes: readonly RouteEntry[] = []): Profile {
  return { name: 'p', place, stages, endpoints: [], adminEndpoints: [], routes }
}

t.test("a route's options for a stage go over those of the profile, and leave the rest", async (t) => {
  const router = listed('router', { role: 'router', provides: ['route'] })
  const limit = listed('limit', {}, { most: 10, window: '1m' })
  const end = listed('end', { role: 'terminal' })
  const route = { id: 'a', path: '/a', auth: 'none' } as RouteEntry['route']
  const entry: RouteEntry = { route, place, document, path: [], overrides: { limit: { most: 2 } } }
  const report = new Report()
  const programs = await planPrograms(profileOf([router, limit, end], [entry]), (_e, _p, _n, all) => all, report)
  t.same(report.problems, [])
  t.match(programs[0]?.stages[1], { options: { most: 2, window: '1m' }, given: { most: 2, window: '1m' } })
})

t.test('a slot has one giver, and who gives it does not wait for it', async (t) => {
  const twice = [listed('router', { role: 'router', provides: ['route'] }), listed('again', { provides: ['route'] })]
  const own = [listed('own', { provides: ['session'], needs: ['session'] })]
  for (const [stages, message] of [
    [twice, /stage again provides the slot route, which router provides already/],
    [own, /stage own needs the slot session, but own, which provides it, stands after it/],
  ] as const) {
    const report = new Report()
    proveOrder(profileOf(stages), report)
    t.ok(
      report.problems.some((problem) => message.test(problem.message)),
      String(message),
    )
  }
})
