import { setTimeout } from 'node:timers/promises'
import type { ServiceAnswer, ServiceRequest } from './service.ts'

const workflows = [
  {
    id: 'wf-7041',
    name: 'Joiner onboarding',
    owner: 'people-ops',
    runs_today: 38,
    success_rate: 0.997,
    median_ms: 1840,
  },
  {
    id: 'wf-7042',
    name: 'Quarterly access review',
    owner: 'security',
    runs_today: 4,
    success_rate: 1,
    median_ms: 9120,
  },
  { id: 'wf-7043', name: 'Break-glass elevation', owner: 'platform', runs_today: 2, success_rate: 1, median_ms: 410 },
  {
    id: 'wf-7044',
    name: 'Leaver offboarding',
    owner: 'people-ops',
    runs_today: 11,
    success_rate: 0.982,
    median_ms: 2275,
  },
]

const metrics = [
  { service: 'crud', decisions: 18_204, permitted: 17_911, denied: 293, p95_ms: 6.1 },
  { service: 'analytics', decisions: 5_377, permitted: 5_360, denied: 17, p95_ms: 4.8 },
]

const anomalies = [
  { id: 'an-310', sub: 'svc-report', pattern: 'first use of forms:export from a new network', score: 0.91 },
  { id: 'an-311', sub: 'bob', pattern: 'access at 03:12, three hours outside the usual range', score: 0.67 },
]

/** What the analytics service knows, under /api/v1/analytics. */
export function analytics({ method, path, query, seen }: ServiceRequest): ServiceAnswer {
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, json: { error: 'analytics is read only', seen }, headers: { allow: 'GET, HEAD' } }
  switch (path) {
    case '/workflows':
      return { status: 200, json: { workflows, seen } }
    case '/authorization-metrics': {
      const service = query.get('service')
      return {
        status: 200,
        json: { metrics: metrics.filter((one) => service === null || one.service === service), seen },
      }
    }
    case '/anomalous-access-patterns':
      return { status: 200, json: { anomalies, seen } }
    case '/live':
      return { events: live() }
    default:
      return { status: 404, json: { error: `analytics has no ${path}`, seen } }
  }
}

/** A second between two events, so that one sees them pass through the bridge as they come. */
async function* live() {
  for (let i = 0; i < 5; i++) {
    if (i > 0) await setTimeout(1000)
    const workflow = workflows[i % workflows.length]
    yield {
      at: new Date().toISOString(),
      workflow: workflow?.id,
      name: workflow?.name,
      event: i % 2 === 0 ? 'started' : 'finished',
    }
  }
}
