import t from 'tap'
import { check } from '../../core/commands/check.ts'
import { tempDir } from '../kit/bascule.ts'
import { cert, key } from '../kit/certs.ts'
import { profile } from '../kit/default-profile.ts'
import { blocksOf, readPage } from './blocks.ts'

const page = readPage('docs/login.md')
const blocks = blocksOf(page).filter(({ language }) => language === 'yaml')

t.test('the settings that the page shows are taken', async (t) => {
  t.ok(blocks.length >= 4)
  for (const { text, info } of blocks) {
    const secret = /client_auth/.test(text) ? '' : '\n  client_secret: s'
    const dir = tempDir(t, {
      'settings.yaml': `auth:\n  issuer: https://idp.test\n  client_id: bff${secret}\n  ${info === 'title=settings.yaml' ? `\n${text}` : `${text.trim().replaceAll('\n', '\n  ')}\n`}`,
      'routes.yaml':
        'services: { a: { base_url: "http://a" } }\nroutes: [{ id: a, path: /a, target_service: a, preserve_path: true, auth: session }]\n',
      'profiles/audience-bridge.yaml': profile(),
      ...{ 'bff.pem': key('client'), 'client.crt': cert('client'), 'client.key': key('client'), 'ca.crt': cert('ca') },
    })
    let said = ''
    const say = (words: string) => {
      said += words
    }
    t.equal(await check.run?.({ config: dir }, { out: say, err: say, env: {} }), 0, said)
  }
})
