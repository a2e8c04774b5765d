import { ownPackage } from '../own-package.ts'
import type { NewPlugin } from './new-plugin.ts'
import { headerOf } from './words.ts'

/** A package of one's own: JavaScript, because neither runtime reads TypeScript from node_modules; types by JSDoc. */
export function packageFiles(name: string): Omit<NewPlugin, 'dir'> {
  return {
    files: {
      'package.json': manifest(name),
      'index.js': source(name),
      'index.test.js': test(name),
      'README.md': readme(name),
    },
    next: ['npm install', 'npm test'],
  }
}

function manifest(name: string): string {
  const range = `^${ownPackage().version}`
  const content = {
    name: `bascule-plugin-${name}`,
    version: '0.1.0',
    description: `A stage for Bascule: ${name}`,
    type: 'module',
    exports: './index.js',
    files: ['index.js'],
    keywords: ['bascule', 'bascule-plugin'],
    scripts: { test: 'node --test' },
    peerDependencies: { bascule: range },
    dependencies: { zod: '^4.0.0' },
    devDependencies: { bascule: range },
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

function source(name: string): string {
  const header = headerOf(name)
  return `// @ts-check
import { z } from 'zod'

/** What may stand under \`with\`. Strict, so that a misspelt key is an error; editors show the descriptions (\`bascule schema\`). */
const options = z.strictObject({
  greeting: z.string().min(1).default('hello').describe('what ${header} of every answer says'),
})

/**
 * Marks every answer of its routes, and refuses who asks with \`${header}: no\`.
 *
 * @param {import('bascule').Kit} kit
 */
export default ({ defineStage }) =>
  defineStage({
    name: '${name}',
    needs: ['route'],
    options,
    // Once a config generation; what is made through host, host closes.
    setup(host) {
      const { greeting } = host.options
      // Once a route: what depends on the route alone is worked out here.
      return (route) => ({
        // Once a request: exactly one verdict, and returned.
        run(x) {
          if (x.header('${header.toLowerCase()}') !== 'no') return x.proceed()
          return x.reply(403, 'FORBIDDEN', { detail: \`\${route.id} takes no for an answer.\`, reason: '${name}' })
        },
        // Edits the head of the answer; synchronous.
        response(_x, head) {
          head.headers.set('${header}', greeting)
        },
      })
    },
  })
`
}

function test(name: string): string {
  const header = headerOf(name)
  return `// @ts-check
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeUpstream, runStage, stageContract, startBascule } from 'bascule/testing'
import stage from './index.js'

test('it marks the answer', async () => {
  const { verdict, answer } = await runStage(stage, { options: { greeting: 'ahoy' } })
  assert.equal(verdict, 'proceed')
  assert.equal(answer?.headers.get('${header}'), 'ahoy')
})

test('it refuses who asks it to', async () => {
  const { verdict, outcome } = await runStage(stage, { request: { headers: { '${header}': 'no' } } })
  assert.equal(verdict, 'reply')
  assert.deepEqual([outcome.code, outcome.reason], ['FORBIDDEN', '${name}'])
})

test('it works in a profile', async (t) => {
  const upstream = await fakeUpstream()
  const bascule = await startBascule({
    files: {
      'settings.yaml': 'profile: p',
      'profiles/p.yaml': { stages: ['route-match', './${name}.js', 'header-inject', 'forward', 'log'] },
      '${name}.js': stage,
      'routes.yaml': {
        services: { api: { base_url: upstream.url } },
        routes: [{ id: 'api', path: '/*', target_service: 'api', preserve_path: true, auth: 'none' }],
      },
    },
  })
  t.after(() => Promise.all([bascule.stop(), upstream.close()]))
  const answer = await fetch(\`\${bascule.url}/tasks\`)
  assert.equal(answer.headers.get('${header}'), 'hello')
  assert.equal(upstream.requests[0]?.url, '/tasks')
})

// What every stage must do: odd requests, many at once, clients that leave, nothing left open, no secret in a log.
stageContract(stage, { test })
`
}

function readme(name: string): string {
  const header = headerOf(name)
  return `# bascule-plugin-${name}

A stage for [Bascule](https://www.npmjs.com/package/bascule): it marks every answer with \`${header}\`, and refuses requests that say
\`${header}: no\`.

    npm install bascule-plugin-${name}

In a profile, behind the stage that gives the slot \`route\`:

\`\`\`yaml
extends: audience-bridge
insert:
  - use: npm:bascule-plugin-${name}
    with: { greeting: ahoy }
    after: route-match
\`\`\`

| option | default | |
| --- | --- | --- |
| \`greeting\` | \`hello\` | what the header says |

\`npm test\` runs its own tests and the suite that every stage must pass. \`npm pack\` makes what others install.
`
}
