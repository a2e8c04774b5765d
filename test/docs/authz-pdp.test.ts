// docs/authz-pdp.md: the config it shows loads, and the question it shows is the one that is asked.
import t from 'tap'
import { Explainer } from '../../core/explain/explain.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { compileMapping } from '../../plugins/lib/authz/authz-map.ts'
import { questionOf } from '../../plugins/lib/authz/authz-question.ts'
import type { Session } from '../../plugins/lib/session/session.ts'
import { tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { FakeExchange } from '../kit/fake-exchange.ts'
import { blocksOf, readPage } from './blocks.ts'

const page = readPage('docs/authz-pdp.md')
const block = (title: string) => blocksOf(page).find(({ info }) => info === `title=${title}`)!.text

t.test('the page can be followed', async (t) => {
  const dir = tempDir(t, {
    'settings.yaml': settings(block('settings.yaml')).replace(
      /^service_audiences.*$/m,
      'service_audiences: { crud_service: "https://crud.example" }',
    ),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
    'profiles/decided.yaml': block('profiles/decided.yaml'),
    'routes.yaml': block('routes.yaml'),
  })
  const { report, config } = await loadConfig({ dir, env: { PDP_TOKEN: 'secret' } })
  t.same(
    report.problems.map(({ message }) => message),
    [],
  )
  const { route, stages } = config!.programs.find((program) => program.route.id === 'tasks')!
  t.same(stages.map(({ name }) => name).indexOf('authz-pdp'), 2)

  const match = { path: undefined, names: {} }
  const x = new FakeExchange('/api/tasks', { method: 'POST', slots: { match, session: { sub: 'ada' } as Session } })
  const question = questionOf(x, route, compileMapping(route.authz_map!.POST!), { name: 'water the plants' })
  t.same(JSON.parse(question), JSON.parse(block('question')))

  const explainer = await Explainer.open(config!)
  t.teardown(() => explainer.close())
  const explained = async (method: string, target: string) => {
    const { stages } = await explainer.explain({ method, target, as: 'user' })
    return stages.find(({ name }) => name === 'authz-pdp')
  }
  t.match(await explained('GET', '/api/tasks/7'), {
    verdict: 'proceed',
    would: [/^ask https:\/\/pdp\.example\.com \{.*"resource":\{"type":"task","id":"7"/],
  })
  t.match(await explained('POST', '/api/tasks'), { would: [/may create this task, with what the body says/] })
})
