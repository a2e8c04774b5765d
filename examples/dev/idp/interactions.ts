import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Provider } from 'oidc-provider'
import { passwordFits } from './accounts.ts'
import { errorPage, loginPage } from './pages.ts'

/** `GET` shows the login form, `POST` judges it. */
export async function interact(provider: Provider, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const details = await provider.interactionDetails(req, res).catch(() => undefined)
  if (details === undefined)
    return show(
      res,
      400,
      errorPage(
        'login_lost',
        'This login has expired or was started in another browser. Go back to the application and sign in again.',
      ),
    )
  const form = req.method === 'POST' ? await readForm(req) : undefined
  const login = form?.get('login')?.trim() ?? ''
  if (form !== undefined && passwordFits(login, form.get('password') ?? ''))
    return provider.interactionFinished(req, res, { login: { accountId: login, remember: false } })
  const { client_id, login_hint } = details.params
  show(
    res,
    form === undefined ? 200 : 403,
    loginPage({
      action: `/interaction/${details.uid}`,
      client: String(client_id),
      name: form === undefined ? textOf(login_hint) : login,
      failed: form !== undefined,
    }),
  )
}

function show(res: ServerResponse, status: number, html: string): void {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(html)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk
    if (text.length > 16_384) break
  }
  return new URLSearchParams(text)
}
