// What the page looks like for what is known. Text only ever becomes text nodes: nothing a service says is run as HTML.

/** An element: attributes, then children (text or elements; null is left out). */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null))
  return element
}

export function who(session, onLogout) {
  if (!session?.authenticated) return [el('a', { class: 'button primary', href: '/auth/login?return_to=/' }, 'Sign in')]
  const { sub, name = sub, email = sub } = session.user
  return [
    el('span', { class: 'avatar', 'aria-hidden': 'true' }, name.charAt(0).toUpperCase()),
    el('p', { class: 'person' }, el('strong', {}, name), el('span', {}, email)),
    el('button', { class: 'button', type: 'button', click: onLogout }, 'Sign out'),
  ]
}

/** What to do first, for whoever is not signed in. */
export function start(session) {
  if (session?.authenticated) return []
  const [link] = who(session)
  return [link, el('span', {}, 'as ', el('code', {}, 'ada'), ' with the password ', el('code', {}, 'ada'))]
}

const states = {
  ready: ['good', 'token ready'],
  mintable: ['warn', 'token on demand'],
  step_up: ['warn', 'sign in again'],
  misconfigured: ['bad', 'misconfigured'],
  none: ['', 'no session'],
}

export function lane(name, { audience, state, reason }) {
  const [tone, words] = states[state] ?? ['', state]
  return el(
    'li',
    { class: 'lane', 'data-service': name, 'data-state': state },
    el('div', { class: 'deck', 'aria-hidden': 'true' }),
    el(
      'article',
      { class: 'node' },
      el('header', {}, el('h3', {}, name), el('span', { class: 'badge', 'data-tone': tone }, words)),
      el('p', { class: 'audience' }, audience ?? ''),
      el('p', { class: 'life' }, note(state, reason)),
    ),
  )
}

function note(state, reason) {
  if (reason !== undefined) return `reason: ${reason}`
  return state === 'none' ? 'gets its token when you sign in' : ''
}

/** How long a token has left. Set every second, so only what changed is touched. */
export function showLife(line, seconds, longest) {
  const text = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
  const bar = line.querySelector('progress')
  if (bar === null)
    return line.replaceChildren(
      el('progress', { max: longest, value: seconds, 'aria-label': 'token lifetime' }),
      el('span', {}, text),
    )
  bar.value = seconds
  line.lastChild.textContent = text
}

export function callButton({ title, method, path, service }, onCall) {
  return el(
    'button',
    { class: 'call', type: 'button', 'data-service': service, 'data-call': `${method} ${path}`, click: onCall },
    el('strong', {}, title),
    el('span', {}, `${method} ${path}`),
  )
}

/** One answer. `data` is its JSON, `seen` what the service says it verified and received. */
export function result({ method, path, status, ms, correlationId, data, seen, problem }) {
  const tone = status >= 500 || status === 0 ? 'bad' : status >= 400 ? 'warn' : 'good'
  return el(
    'details',
    { class: 'result', open: true, 'data-status': String(status) },
    el(
      'summary',
      {},
      el('span', { class: 'badge', 'data-tone': tone }, status === 0 ? 'no answer' : String(status)),
      el('span', { class: 'path' }, `${method} ${path}`),
      el('span', { class: 'ms' }, `${ms} ms`),
    ),
    problem ? said(problem) : null,
    problem ? null : facts(seen, correlationId),
    data === undefined ? null : el('pre', { tabindex: '0', 'aria-label': 'Body of the answer' }, ...json(data, '')),
  )
}

function said({ code = '', title = '', detail = title, reason, login_url }) {
  return el(
    'div',
    { class: 'said' },
    el('strong', {}, code),
    el('p', {}, reason === undefined ? detail : `${detail} (${reason})`),
    login_url === undefined ? null : el('a', { class: 'button', href: '/auth/login?return_to=/' }, 'Sign in'),
  )
}

function facts(seen, correlationId) {
  const rows = [
    ['token made for (aud)', seen?.verified.aud],
    ['user (sub)', seen?.verified.sub],
    ['X-Original-User', seen?.received.x_original_user],
    ['cookie at the service', seen?.received.cookie],
    ['Authorization at the service', seen && `Bearer …, ${seen.verified.expires_in} s left`],
    ['correlation id', correlationId ?? seen?.received.x_correlation_id],
  ].filter(([, value]) => value)
  if (rows.length === 0) return null
  return el(
    'dl',
    { class: 'facts' },
    ...rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value)))),
  )
}

/** JSON as coloured text nodes. */
function json(value, indent) {
  if (value === null || typeof value !== 'object')
    return [el('span', { class: typeof value === 'string' ? 'text' : 'value' }, JSON.stringify(value))]
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const entries = Object.entries(value)
  if (entries.length === 0) return [open + close]
  const inner = `${indent}  `
  const lines = entries.flatMap(([key, child], i) => [
    `\n${inner}`,
    ...(Array.isArray(value) ? [] : [el('span', { class: 'key' }, JSON.stringify(key)), ': ']),
    ...json(child, inner),
    i < entries.length - 1 ? ',' : '',
  ])
  return [open, ...lines, `\n${indent}${close}`]
}

export function command(line, teaches) {
  const copy = el('button', { type: 'button' }, 'Copy')
  copy.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(line)
    copy.textContent = 'Copied'
  })
  return el('div', { class: 'command' }, el('code', {}, line), el('p', {}, teaches), copy)
}
