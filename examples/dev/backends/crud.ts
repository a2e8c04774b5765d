import type { ServiceAnswer, ServiceRequest } from './service.ts'

interface Form {
  readonly id: number
  readonly title: string
  readonly status: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly updated_by: string
  readonly updated_at: string
}

const most = 100

/** Forms in memory, under /api/crud. Each service has its own. */
export function createCrud(now: () => Date = () => new Date()): (request: ServiceRequest) => ServiceAnswer {
  const at = now().toISOString()
  const forms = new Map<number, Form>([
    [
      1,
      {
        id: 1,
        title: 'Access request',
        status: 'draft',
        fields: { workspace: 'analytics', reason: 'Quarterly review' },
        updated_by: 'system',
        updated_at: at,
      },
    ],
    [
      2,
      {
        id: 2,
        title: 'Change of manager',
        status: 'submitted',
        fields: { from: 'Grace', to: 'Edsger' },
        updated_by: 'system',
        updated_at: at,
      },
    ],
  ])
  let next = 3

  return (request) => {
    const { method, path, seen } = request
    const id = /^\/forms\/(\d{1,9})$/.exec(path)?.[1]
    if (path === '/forms' && method === 'GET') return { status: 200, json: { forms: [...forms.values()], seen } }
    if (path === '/forms' && method === 'POST') return create(request)
    if (path === '/forms') return notAllowed(request, 'GET, POST')
    if (id === undefined) return { status: 404, json: { error: `crud has no ${path}`, seen } }
    return one(Number(id), request)
  }

  function one(id: number, request: ServiceRequest): ServiceAnswer {
    const { method, seen } = request
    const form = forms.get(id)
    if (form === undefined) return { status: 404, json: { error: `there is no form ${id}`, seen } }
    if (method === 'GET' || method === 'HEAD') return { status: 200, json: { form, seen } }
    if (method === 'PUT') return save(id, 200, { ...form, ...wanted(request.body) }, request)
    if (method !== 'DELETE') return notAllowed(request, 'GET, HEAD, PUT, DELETE')
    forms.delete(id)
    return { status: 200, json: { deleted: id, seen } }
  }

  function create(request: ServiceRequest): ServiceAnswer {
    if (forms.size >= most) return { status: 409, json: { error: `there are ${most} forms already; delete some` } }
    return save(next++, 201, { title: 'Untitled', status: 'draft', fields: {}, ...wanted(request.body) }, request)
  }

  function save(id: number, status: number, form: Pick<Form, 'title' | 'status' | 'fields'>, { seen }: ServiceRequest) {
    const saved = { ...form, id, updated_by: seen.verified.sub ?? 'unknown', updated_at: now().toISOString() }
    forms.set(id, saved)
    return { status, json: { form: saved, seen } }
  }
}

/** Only what a caller may say: never the id, nor who wrote it. */
function wanted(body: unknown): Partial<Pick<Form, 'title' | 'status' | 'fields'>> {
  if (typeof body !== 'object' || body === null) return {}
  const { title, status, fields } = body as Readonly<Record<string, unknown>>
  return {
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof status === 'string' ? { status } : {}),
    ...(typeof fields === 'object' && fields !== null ? { fields: { ...fields } } : {}),
  }
}

function notAllowed({ method, path, seen }: ServiceRequest, allow: string): ServiceAnswer {
  return { status: 405, json: { error: `${method} is not for ${path}`, seen }, headers: { allow } }
}
