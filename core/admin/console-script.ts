/** Of the console. Text only ever becomes text: paths come from anybody. */
export const script = `
'use strict'
const KEPT = 100, SHOWN_ROUTES = 200, SHOWN_ORIGINS = 3
const $ = (id) => document.getElementById(id)
const el = (name, text, className) => {
  const made = document.createElement(name)
  if (text !== undefined) made.textContent = text
  if (className) made.className = className
  return made
}
let generation, paused = false

function duration(seconds) {
  if (seconds < 120) return seconds + ' s'
  if (seconds < 7200) return Math.floor(seconds / 60) + ' min'
  return seconds < 172800 ? Math.floor(seconds / 3600) + ' h' : Math.floor(seconds / 86400) + ' d'
}

function facts(status) {
  const told = [
    ['In flight', status.in_flight],
    ['Generation', status.generation + (status.generations_draining ? ' (' + status.generations_draining + ' draining)' : '')],
    ['Routes', status.routes],
    ['Endpoints', status.endpoints],
    ['Profile', status.profile + (status.profiles.length > 1 ? ' and ' + (status.profiles.length - 1) + ' more' : '')],
    ['Up for', duration(status.uptime_seconds)],
    ['Runs on', status.runtime],
    ['Version', status.version],
  ]
  $('facts').replaceChildren(...told.map(([name, value]) => {
    const pair = el('div')
    pair.append(el('dt', name), el('dd', String(value)))
    return pair
  }))
}

function cell(className, text, note) {
  const made = el('td', text, className)
  if (note) made.append(el('small', note))
  return made
}

function row(...cells) {
  const made = el('tr')
  made.append(...cells)
  return made
}

function routeRow(r, profiles) {
  const asked = [r.methods === 'all' ? '' : r.methods.join(' '), r.hosts === 'any' ? '' : r.hosts.join(', ')]
  return row(
    cell('name', r.id, profiles > 1 && !r.endpoint && r.profile),
    cell('path', r.path, asked.filter(Boolean).join(' · ')),
    cell('auth', r.listener === 'admin' ? 'admin listener' : r.auth),
    cell('to', r.service ?? r.stages.at(-1)),
  )
}

function list(id, routes, profiles) {
  $(id).replaceChildren(...routes.slice(0, SHOWN_ROUTES).map((r) => routeRow(r, profiles)))
  $('more-' + id).hidden = routes.length <= SHOWN_ROUTES
  $('more-' + id).textContent = 'and ' + (routes.length - SHOWN_ROUTES) + ' more, in /routes'
}

async function routes(profiles) {
  const { routes } = await (await fetch('/routes')).json()
  list('routes', routes.filter((r) => !r.endpoint), profiles)
  list('endpoints', routes.filter((r) => r.endpoint), profiles)
}

function origins({ public_url, public_urls }) {
  const more = public_urls.length - SHOWN_ORIGINS
  return [public_url, ...public_urls.slice(0, SHOWN_ORIGINS)].join(', ') + (more > 0 ? ' and ' + more + ' more, in /status' : '')
}

async function refresh() {
  const state = $('state')
  try {
    const answer = await fetch('/status')
    if (!answer.ok) throw new Error()
    const status = await answer.json()
    facts(status)
    $('services').replaceChildren(...status.services.map((s) => row(cell('name', s.name), cell('path', s.origins.join(', ')))))
    state.className = 'up'
    state.textContent = origins(status)
    if (status.generation !== generation) {
      await routes(status.profiles.length)
      generation = status.generation
    }
  } catch {
    state.className = 'down'
    state.textContent = 'no answer; trying again'
  }
}

function kindOf(r) {
  if (r.outcome === 'failed' || r.status >= 500) return 'bad'
  return r.outcome === 'aborted' || r.status >= 400 ? 'odd' : ''
}

function stageLine(stage) {
  const line = el('li')
  const gave = Object.entries(stage.gave ?? {}).map(([slot, v]) => v === true ? slot : slot + '=' + (typeof v === 'string' ? v : JSON.stringify(v)))
  const said = [stage.verdict, stage.status, stage.code === 'OK' ? undefined : stage.code, stage.reason, ...gave]
  line.append(el('span', stage.name), el('span', stage.ms.toFixed(2) + ' ms'), el('span', said.filter((part) => part !== undefined).join('  ')))
  return line
}

function rest(r) {
  const spent = r.stages.reduce((sum, stage) => sum + stage.ms, 0)
  return { name: 'the rest', ms: Math.max(0, r.ms - spent), verdict: r.service ? 'waiting for the service and the client' : 'waiting for the client' }
}

function request(r) {
  const item = el('li', undefined, kindOf(r)), box = el('details'), head = el('summary')
  const why = r.code === 'OK' ? (r.outcome === 'completed' ? '' : r.outcome) : r.code + (r.reason ? ' (' + r.reason + ')' : '')
  const way = [r.route ?? 'no route', r.service, why].filter(Boolean).join(' · ')
  head.append(el('span', r.status ?? '–', 'status'), el('span', r.method), el('span', r.path, 'path'), el('span', r.ms.toFixed(1) + ' ms', 'ms'), el('span', way, 'way'))
  const stages = el('ol', undefined, 'stages')
  stages.append(...r.stages.map(stageLine), stageLine(rest(r)))
  box.append(head, stages, el('p', r.correlation_id, 'id'))
  item.append(box)
  item.dataset.words = [r.method, r.path, way, r.status, r.correlation_id].join(' ').toLowerCase()
  return item
}

function fits(item) {
  item.hidden = !item.dataset.words.includes($('filter').value.trim().toLowerCase())
}

function watch() {
  const stream = new EventSource('/traces')
  stream.onmessage = ({ data }) => {
    if (paused) return
    const item = request(JSON.parse(data))
    fits(item)
    $('requests').prepend(item)
    while ($('requests').childElementCount > KEPT) $('requests').lastElementChild.remove()
    $('quiet').hidden = true
  }
}

$('filter').addEventListener('input', () => { for (const item of $('requests').children) fits(item) })
$('pause').addEventListener('click', () => {
  paused = !paused
  $('pause').setAttribute('aria-pressed', String(paused))
  $('pause').textContent = paused ? 'Go on' : 'Pause'
})
refresh()
setInterval(refresh, 2000)
watch()
`
