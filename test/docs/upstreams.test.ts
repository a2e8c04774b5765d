// docs/upstreams.md: the services it shows are taken.
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { settings } from '../kit/default-profile.ts'
import { blocksOf, readPage } from './blocks.ts'

t.test('the services that the page shows are taken', async (t) => {
  const { text } = blocksOf(readPage('docs/upstreams.md')).find(({ info }) => info === 'title=routes.yaml')!
  const dir = tempDir(t, {
    'settings.yaml': settings('').replace(
      /^service_audiences.*$/m,
      'service_audiences: { analytics_service: "https://analytics.example" }',
    ),
    'profiles/audience-bridge.yaml': readPage('config/profiles/audience-bridge.yaml'),
    'routes.yaml': text,
  })
  const { report, config } = await loadConfig({ dir, env: {} })
  t.same(
    report.problems.map(({ message }) => message),
    [],
  )
  t.match(config?.services, { analytics_service: { base_urls: { length: 2 }, max_in_flight: 100 } })
})
