// A test user's login without a browser, at providers whose login page is a plain form. For `bascule doctor --as`.
const hops = 15
const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

export interface TestUser {
  readonly name: string
  readonly password: string
}

/** From the authorization URL to the redirect URI, which is not asked: its query has the code. Throws with a sentence where it does not get there. */
export async function signIn(start: URL, end: string, user: TestUser): Promise<URL> {
  const origin = start.origin
  const cookies = new Map<string, string>()
  let url = start
  let form: URLSearchParams | undefined
  let posted = false
  for (let hop = 0; hop < hops; hop++) {
    const answer = await ask(url, cookies, form)
    const location = answer.headers.get('location')
    const page = location === null ? readForm(await text(answer), user) : undefined
    if (location !== null) await answer.body?.cancel()
    const next = location ?? page?.action
    if (next === undefined || !URL.canParse(next, url))
      throw new Error(`${url.origin}${url.pathname} answered ${answer.status} without a form that could be filled in`)
    url = new URL(next, url)
    if (url.href.startsWith(`${end}?`)) return url
    // The password is for the provider that settings.yaml names, whatever a page says.
    if (url.origin !== origin) throw new Error(`the login leads to another place, ${url.origin}`)
    if (page !== undefined && posted) throw new Error(`the identity provider did not take the password of ${user.name}`)
    posted = page !== undefined || posted
    form = page?.fields
  }
  throw new Error(`the login did not end after ${hops} steps`)
}

async function ask(url: URL, cookies: Map<string, string>, form: URLSearchParams | undefined): Promise<Response> {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const answer = await fetch(url, {
    headers: { ...navigation, ...(cookie === '' ? {} : { cookie }) },
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
    ...(form === undefined ? {} : { method: 'POST', body: form }),
  })
  for (const line of answer.headers.getSetCookie()) {
    const [pair = ''] = line.split(';', 1)
    const at = pair.indexOf('=')
    if (at > 0) cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim())
  }
  return answer
}

const maxPage = 512 * 1024

async function text(answer: Response): Promise<string> {
  let page = ''
  const decoder = new TextDecoder()
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    page += decoder.decode(chunk, { stream: true })
    if (page.length > maxPage) throw new Error('the login page is too large')
  }
  return page
}

/** The form with a password in it: hidden fields as they are, the name into the text field before the password. */
function readForm(page: string, { name, password }: TestUser) {
  const forms = page.match(/<form\b[\s\S]*?<\/form>/gi) ?? []
  const form = forms.find((one) => /type=["']?password/i.test(one))
  if (form === undefined) return undefined
  const fields = new URLSearchParams()
  for (const input of form.match(/<input\b[^>]*>/gi) ?? []) {
    const field = attribute(input, 'name')
    if (field === undefined) continue
    const type = (attribute(input, 'type') ?? 'text').toLowerCase()
    if (type === 'password') fields.set(field, password)
    else if (type === 'text' || type === 'email') fields.set(field, name)
    else if (type === 'hidden') fields.set(field, attribute(input, 'value') ?? '')
  }
  return { action: attribute(/<form\b[^>]*>/i.exec(form)?.[0] ?? '', 'action') ?? '', fields }
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag)
  const value = found?.[1] ?? found?.[2] ?? found?.[3]
  return value
    ?.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
}
