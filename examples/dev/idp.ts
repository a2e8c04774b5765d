// The development identity provider as a program of its own: examples/dev/main.ts starts it.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { ConfigError, formatProblem, type Problem } from '../../core/config/report.ts'
import { startIdp } from './idp/start.ts'
import { endWithParent, fail, ready } from './processes/child.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8090' },
    dir: { type: 'string', default: 'config/idp' },
    origin: { type: 'string', multiple: true, default: ['http://localhost:8080'] },
    'access-token-ttl': { type: 'string', default: '300' },
    child: { type: 'boolean', default: false },
  },
})

const say = (problems: readonly Problem[]) => {
  for (const problem of problems) console.log(formatProblem(problem))
}

try {
  const idp = await startIdp({
    dir: values.dir,
    port: Number(values.port),
    origins: values.origin,
    clientSecret: process.env.BFF_CLIENT_SECRET || 'bascule-dev-client-secret',
    accessTokenTtl: Number(values['access-token-ttl']),
    env: process.env,
    reread: (outcome, problems) => {
      say(problems)
      console.log(
        outcome === 'changed'
          ? `reread ${values.dir}: it holds from now on`
          : `${values.dir} cannot be used: the old settings stay`,
      )
    },
  })
  say(idp.notices)
  console.log('development identity provider: do not expose')
  ready(idp.issuer)
  endWithParent(values.child, () => idp.close())
} catch (error) {
  if (error instanceof ConfigError) say(error.problems)
  fail(error)
}
