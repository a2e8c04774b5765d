// npm run soak -- resets [--answers N]
// An upstream that is reset at a random byte of each of its answers, whatever their framing. Ends with 1 when one looked whole, or a
// connection was left behind.
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startBascule } from '../core/testing/index.ts'
import { profile, settings } from '../test/kit/default-profile.ts'
import { tornAnswers } from '../test/kit/torn-answers.ts'

const { values: flags } = parseArgs({ options: { answers: { type: 'string', default: '10000' } } })
const torn = await tornAnswers()
const bascule = await startBascule({
  files: {
    'settings.yaml': settings('log: { level: error }'),
    'profiles/audience-bridge.yaml': profile(),
    'routes.yaml': `
services: { api: { base_url: "${torn.url}", retries: 0 } }
routes: [{ id: api, path: "/api/*", target_service: api, upstream_path: "/{path}", auth: none }]
`,
  },
})
await torn.run(`${bascule.url}/api`, Number(flags.answers))
await pause(5_000)
const { counts } = torn
const seen = [...counts.seen].map(([how, count]) => `${count} ${how}`).join(', ')
console.log(`${counts.answers} answers torn: ${seen}; ${torn.open()} connections left`)
for (const what of counts.lookedWhole.slice(0, 20)) console.log(`looked whole: ${what}`)
const held = counts.lookedWhole.length === 0 && torn.open() === 0
await bascule.stop()
await torn.close()
process.exit(held ? 0 : 1)
