// node only: it collects garbage by hand
// alone: heap and handles are counted
// timeout: 120s
import t from 'tap'
import { reloadStorm } from '../kit/reload-storm.ts'

t.test('60 reloads at 300 requests a second with downloads under way', async (t) => {
  const result = await reloadStorm(t, { reloads: 60 })
  t.comment(JSON.stringify(result))
  t.equal(result.failed, 0, 'no request failed')
  t.equal(result.torn, 0, 'no download was torn')
  t.equal(result.sockets - result.lost, 5, 'no socket was lost')
  t.ok(result.requests > 1_000 && result.downloads > 10)
  t.ok(result.heapGrowth < 12 * 1024 * 1024, `the heap grew by ${Math.round(result.heapGrowth / 1024)} KiB`)
  t.ok(result.handleGrowth < 24, `${result.handleGrowth} more handles`)
})
