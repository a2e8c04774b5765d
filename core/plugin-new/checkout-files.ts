import type { NewPlugin } from './new-plugin.ts'
import { headerOf } from './words.ts'

/** One more built-in of this repository: found by its file's name, written in TypeScript. */
export function checkoutFiles(name: string): Omit<NewPlugin, 'dir'> {
  return {
    files: {
      [`plugins/${name}.ts`]: source(name),
      [`test/plugins/${name}.test.ts`]: test(name),
      [`docs/${name}.md`]: page(name),
    },
    next: [`npm test -- test/plugins/${name}.test.ts`],
  }
}

function source(name: string): string {
  const header = headerOf(name)
  return `import { z } from 'zod'
import { defineStage } from '../core/index.ts'

const options = z.strictObject({
  greeting: z.string().min(1).default('hello').describe('what ${header} of every answer says'),
})

/** Marks every answer of its routes, and refuses who asks with \`${header}: no\`. */
export default defineStage({
  name: '${name}',
  needs: ['route'],
  options,
  setup(host) {
    const { greeting } = host.options
    return (route) => ({
      run(x) {
        if (x.header('${header.toLowerCase()}') !== 'no') return x.proceed()
        return x.reply(403, 'FORBIDDEN', { detail: \`\${route.id} takes no for an answer.\`, reason: '${name}' })
      },
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
  return `import t from 'tap'
import stage from '../../plugins/${name}.ts'
import { runStage, stageContract } from '../../plugins/testing/index.ts'
import { contractTest } from '../kit/contract-test.ts'

t.test('it marks the answer', async (t) => {
  const { verdict, answer } = await runStage(stage, { options: { greeting: 'ahoy' } })
  t.equal(verdict, 'proceed')
  t.equal(answer?.headers.get('${header}'), 'ahoy')
})

t.test('it refuses who asks it to', async (t) => {
  const { verdict, outcome } = await runStage(stage, { request: { headers: { '${header}': 'no' } } })
  t.equal(verdict, 'reply')
  t.match(outcome, { code: 'FORBIDDEN', reason: '${name}' })
})

stageContract(stage, { test: contractTest(t) })
`
}

function page(name: string): string {
  const header = headerOf(name)
  return `# ${name}

A stage that marks every answer of its routes with \`${header}\`, and refuses requests that say \`${header}: no\`. In a profile:

\`\`\`yaml
extends: audience-bridge
insert:
  - { use: ${name}, with: { greeting: ahoy }, after: route-match }
\`\`\`

| option | default | |
| --- | --- | --- |
| \`greeting\` | \`hello\` | what the header says |
`
}
