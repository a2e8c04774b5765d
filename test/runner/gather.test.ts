import t from 'tap'

interface Job {
  readonly runtime: 'node' | 'deno'
  readonly file: string
  readonly alone?: boolean
  readonly timeout?: number
}
// Plain JavaScript without types, like the rest of the runner.
const { gather }: { gather(jobs: readonly Job[]): (Job & { readonly members?: readonly Job[] })[] } = await import(
  new URL('./gather.js', import.meta.url).href
)

t.test('small files share processes on Node, and every file is run once', async (t) => {
  const small = Array.from({ length: 25 }, (_, i): Job => ({ runtime: 'node', file: `test/plugins/lib/a${i}.test.ts` }))
  const others: Job[] = [
    { runtime: 'deno', file: 'test/plugins/lib/a1.test.ts' },
    { runtime: 'node', file: 'test/scenarios/b.test.ts' },
    { runtime: 'node', file: 'test/plugins/lib/slow.test.ts', timeout: 300_000 },
    { runtime: 'node', file: 'test/core/run/heap.test.ts', alone: true },
  ]
  const gathered = gather([...small, ...others])
  t.same(
    gathered.map(({ members }) => members?.length),
    [8, 8, 8, undefined, undefined, undefined, undefined, undefined],
  )
  t.same(
    gathered.flatMap((job) => job.members ?? [job]),
    [...small, ...others],
  )
})
