import { logout, on, session as readSession, fetch as send } from '/auth/client.js'
import { callButton, command, lane, result, showLife, start, who } from './view.js'

const calls = [
  { title: 'List workflows', method: 'GET', path: '/api/v1/analytics/workflows', service: 'analytics_service' },
  {
    title: 'Authorization metrics',
    method: 'GET',
    path: '/api/v1/analytics/authorization-metrics?service=crud',
    service: 'analytics_service',
  },
  { title: 'Watch live events', method: 'GET', path: '/api/v1/analytics/live', service: 'analytics_service' },
  { title: 'Open form 1', method: 'GET', path: '/api/crud/forms/1', service: 'crud_service' },
  {
    title: 'Approve form 1',
    method: 'PUT',
    path: '/api/crud/forms/1',
    service: 'crud_service',
    body: { status: 'approved' },
  },
]
const kept = 6
const unknownServices = Object.fromEntries(calls.map(({ service }) => [service, { state: 'none' }]))

const at = (id) => document.getElementById(id)
let session
let longest = {}

async function refreshSession() {
  session = await readSession().catch(() => undefined)
  showSession()
}

function showSession() {
  const authenticated = session?.authenticated === true
  document.body.dataset.session = authenticated ? 'yes' : 'no'
  at('who').replaceChildren(...who(session, () => logout()))
  at('start').replaceChildren(...start(session))
  at('cookie-note').textContent = authenticated ? 'bff_session: HttpOnly, SameSite=Strict' : 'no session'
  at('session-note').textContent = authenticated ? `session until ${timeOf(session.expires_at)}` : 'session → token'
  const services = authenticated ? session.services : unknownServices
  at('services').replaceChildren(...Object.entries(services).map(([name, service]) => lane(name, service)))
  tick()
}

function tick() {
  for (const line of document.querySelectorAll('.lane')) {
    const name = line.dataset.service
    const service = session?.services?.[name]
    if (service?.state !== 'ready' || !service.expires_at) continue
    const seconds = Math.max(0, Math.round((Date.parse(service.expires_at) - Date.now()) / 1000))
    longest = { ...longest, [name]: Math.max(longest[name] ?? 0, seconds) }
    showLife(line.querySelector('.life'), seconds, longest[name])
    if (seconds === 0) refreshSession()
  }
}

async function makeCall(call, button) {
  button.setAttribute('aria-busy', 'true')
  try {
    await makeRequest(call)
  } finally {
    button.removeAttribute('aria-busy')
    refreshSession()
  }
}

async function makeRequest({ method, path, body }) {
  const started = performance.now()
  const init = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  try {
    const response = await send(path, { method, ...init })
    const known = () => ({
      ...{ method, path, status: response.status, ms: Math.round(performance.now() - started) },
      correlationId: response.headers.get('x-correlation-id'),
    })
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) await follow(response, known)
    else show({ ...known(), ...split(response, await response.json().catch(() => undefined)) })
  } catch {
    const detail = 'The bridge does not answer. Is npm start still running?'
    show({
      method,
      path,
      status: 0,
      ms: Math.round(performance.now() - started),
      problem: { code: 'NO ANSWER', detail },
    })
  }
}

/** The sample services say in `seen` what they verified; the bridge's own errors are problem+json. */
function split(response, body) {
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) return { problem: body, data: body }
  const { seen, ...data } = body ?? {}
  return { seen, data }
}

async function follow(response, known) {
  const events = []
  let card = show({ ...known(), data: events })
  let rest = ''
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const parts = (rest + piece.value).split('\n\n')
    rest = parts.pop()
    events.push(...parts.map((part) => JSON.parse(part.replace(/^data: /, ''))))
    const next = result({ ...known(), data: events })
    card.replaceWith(next)
    card = next
  }
}

function show(answer) {
  const list = at('results')
  const card = result(answer)
  for (const old of list.querySelectorAll('.empty')) old.remove()
  for (const old of list.querySelectorAll('details')) old.open = false
  list.prepend(card)
  for (const old of [...list.children].slice(kept)) old.remove()
  // On a phone the answers stand below the buttons: one that cannot be seen is no answer.
  if (card.getBoundingClientRect().top > innerHeight - 80) card.scrollIntoView({ block: 'start' })
  return card
}

function timeOf(text) {
  return new Date(text).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false })
}

at('buttons').append(
  ...calls.map((call) => {
    const button = callButton(call, () => makeCall(call, button))
    return button
  }),
)
at('terminal').append(
  command(
    `curl -i ${location.origin}/api/v1/analytics/workflows`,
    '401 SESSION_REQUIRED: without the cookie there is no token, and no call.',
  ),
  command(
    `curl -i '${location.origin}/api/v1/analytics/..%2fadmin'`,
    '400 BAD_TARGET: a path that climbs out is never sent on.',
  ),
)
setInterval(tick, 1000)
addEventListener('focus', refreshSession)
// In another tab, too: this page shows what holds.
for (const change of ['signed-in', 'signed-out']) on(change, refreshSession)
await refreshSession()
