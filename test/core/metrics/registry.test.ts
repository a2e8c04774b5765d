import t from 'tap'
import { MetricRegistry, metricPrefix } from '../../../core/metrics/registry.ts'

function start(maxSets?: number) {
  const registry = new MetricRegistry()
  return { registry, own: registry.ownedBy('acme', maxSets), text: () => [...registry.text()].join('') }
}

t.test('counters, gauges and histograms are told in the text format', async (t) => {
  const { own, text } = start()
  own
    .counter({ name: 'cakes_total', help: 'Cakes.', labels: ['kind'] })
    .labels({ kind: 'plum' })
    .inc(2)
  const level = own.gauge({ name: 'oven_celsius', help: 'Heat.' }).labels()
  level.set(180)
  level.dec()
  const time = own.histogram({ name: 'bake_seconds', help: 'Time.', buckets: [1, 60] }).labels()
  for (const seconds of [0.5, 1, 30, 90, Number.NaN]) time.observe(seconds)
  own.gauge({ name: 'bakers', help: 'Hands.', read: () => 3 })
  t.equal(
    text(),
    `# HELP acme_bake_seconds Time.
# TYPE acme_bake_seconds histogram
acme_bake_seconds_bucket{le="1"} 2
acme_bake_seconds_bucket{le="60"} 3
acme_bake_seconds_bucket{le="+Inf"} 4
acme_bake_seconds_sum 121.5
acme_bake_seconds_count 4
# HELP acme_bakers Hands.
# TYPE acme_bakers gauge
acme_bakers 3
# HELP acme_cakes_total Cakes.
# TYPE acme_cakes_total counter
acme_cakes_total{kind="plum"} 2
# HELP acme_oven_celsius Heat.
# TYPE acme_oven_celsius gauge
acme_oven_celsius 179
`,
  )
})

t.test('a label value cannot begin a line of its own, and is cut where it is long', async (t) => {
  const { own, text } = start()
  const metric = own.counter({ name: 'x_total', help: 'a\nb', labels: ['v'] })
  metric.labels({ v: 'a"} 1\nevil 1\\' }).inc()
  metric.labels({ v: 'x'.repeat(5_000) }).inc()
  t.match(text(), '# HELP acme_x_total a\\nb\n')
  t.match(text(), 'acme_x_total{v="a\\"} 1\\nevil 1\\\\"} 1\n')
  t.equal(
    text()
      .split('\n')
      .filter((line) => line.startsWith('evil')).length,
    0,
  )
  t.ok(text().length < 500)
})

t.test('past the bound label sets share one: nobody makes a metric grow for ever', async (t) => {
  const { own, text } = start(3)
  const metric = own.counter({ name: 'x_total', help: 'X.', labels: ['v'] })
  for (let i = 0; i < 1_000; i++) metric.labels({ v: `${i}` }).inc()
  t.match(text(), 'acme_x_total{v="2"} 1\nacme_x_total{v="other"} 997\n')
  t.notMatch(text(), 'v="3"')
})

t.test('the same metric goes on in the next generation, and goes with the last that asked for it', async (t) => {
  const { registry, own, text } = start()
  const spec = { name: 'x_total', help: 'X.' }
  own.counter(spec).labels().inc()
  own.gauge({ name: 'level', help: 'L.', read: () => 1 })
  const next = registry.ownedBy('acme')
  next.gauge({ name: 'level', help: 'L.', read: () => 2 })
  t.match(text(), 'acme_level 2')
  own.close()
  next.counter(spec).labels().inc()
  t.notMatch(text(), 'acme_x_total 2', 'nobody asked between the two')
  const third = registry.ownedBy('acme')
  third.counter(spec).labels().inc()
  next.close()
  t.match(text(), 'acme_x_total 2')
  t.notMatch(text(), 'acme_level', 'its reader went, too')
})

t.test('a reader that throws costs only its own number', async (t) => {
  const { own, text } = start()
  const broken = () => {
    throw new Error('no')
  }
  own.gauge({ name: 'a', help: 'A.', read: broken })
  own.gauge({ name: 'b', help: 'B.', read: () => 1 })
  t.match(text(), 'acme_a NaN\n')
  t.match(text(), 'acme_b 1\n')
})

t.test('what a metric is stays fixed, and mistakes are told', async (t) => {
  const { own } = start()
  own.counter({ name: 'x_total', help: 'X.', labels: ['a'] })
  t.throws(
    () => own.counter({ name: 'x_total', help: 'X.', labels: ['b'] }),
    /metric acme_x_total exists already, as counter by a; .* choose another name, or restart/,
  )
  t.throws(() => own.counter({ name: 'x', help: 'X.' }), /counter x: the name of a counter ends in _total/)
  t.throws(() => own.gauge({ name: 'x y', help: 'X.' }), /metric acme_x y: a name is lower case/)
  t.throws(() => own.gauge({ name: 'x', help: ' ' }), /help must say/)
  t.throws(() => own.histogram({ name: 'h', help: 'H.', buckets: [2, 1] }), /buckets must be finite numbers that grow/)
  t.throws(() => own.histogram({ name: 'h', help: 'H.', labels: ['le'] }), /a label is lower case/)
  t.throws(() => own.gauge({ name: 'r', help: 'R.', labels: ['a'], read: () => 1 }), /what is read has no labels/)
  const metric = own.counter({ name: 'y_total', help: 'Y.', labels: ['a'] })
  // @ts-expect-error labels must be given
  t.throws(() => metric.labels(), /the label a has no value/)
})

t.test('names of core and of the process are not to be had', async (t) => {
  t.equal(metricPrefix('acme/quota'), 'acme_quota')
  t.equal(metricPrefix('session-store memory'), 'session_store_memory')
  t.equal(metricPrefix('bascule'), 'plugin_bascule')
  t.equal(metricPrefix('process-list'), 'plugin_process_list')
  t.equal(metricPrefix('7up'), 'plugin_7up')
})
