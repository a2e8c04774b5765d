// docs/tls.md: the settings and services it shows are taken.
import t from 'tap'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { cert, key } from '../kit/certs.ts'
import { profile, settings } from '../kit/default-profile.ts'
import { blocksOf, readPage } from './blocks.ts'

const blocks = blocksOf(readPage('docs/tls.md'))
const named = (title: string) => blocks.filter(({ info }) => info === `title=${title}`).map(({ text }) => text)

t.test('every block of the page is loaded', async (t) => {
  const [server] = named('settings.yaml')
  const routes = named('routes.yaml')
  t.equal(1 + routes.length, blocks.length)
  for (const text of routes) {
    const dir = tempDir(t, {
      'settings.yaml': `${settings('')}${server}`,
      'profiles/audience-bridge.yaml': profile(),
      'routes.yaml': text.includes('routes:') ? text : `${text}routes: []\n`,
      'tls/server.crt': cert('server'),
      'tls/server.key': key('server'),
      'tls/internal-ca.crt': cert('ca'),
      'tls/bridge.crt': cert('client'),
      'tls/bridge.key': key('client'),
    })
    const { report, config } = await loadConfig({ dir, env: {} })
    const errors = report.problems.filter(({ severity }) => severity === 'error')
    t.same(
      errors.map(({ message }) => message),
      [],
    )
    t.match(config?.tls, { min_version: 'TLSv1.2' })
  }
})
