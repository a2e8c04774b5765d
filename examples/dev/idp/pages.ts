import type { KoaContextWithOIDC } from 'oidc-provider'
import { names } from './accounts.ts'

/** Text into HTML, attribute values included. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/idp.css">
</head>
<body>
<main class="card">
${body}
</main>
<p class="note"><strong>Development identity provider.</strong> Its passwords are public: do not expose it.</p>
</body>
</html>
`
}

interface LoginPage {
  readonly action: string
  readonly client: string
  readonly name: string
  readonly failed: boolean
}

export function loginPage({ action, client, name, failed }: LoginPage): string {
  const focus = (here: boolean) => (here ? ' autofocus' : '')
  const alert = failed ? '<p class="alert" id="why" role="alert">Wrong name or password.</p>' : ''
  const invalid = failed ? ' aria-invalid="true" aria-describedby="why"' : ''
  return page(
    'Sign in',
    `<p class="mark" aria-hidden="true"></p>
<h1>Sign in</h1>
<p class="lead">to continue to <strong>${escapeHtml(client)}</strong></p>
${alert}
<form method="post" action="${escapeHtml(action)}">
<label for="login">Name</label>
<input id="login" name="login" value="${escapeHtml(name)}" autocomplete="username" autocapitalize="none" spellcheck="false" required${focus(name === '')}${invalid}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${focus(name !== '')}${invalid}>
<button type="submit">Sign in</button>
</form>
<p class="hint">Try ${names.map((one) => `<code>${one}</code> / <code>${one}</code>`).join(' or ')}</p>`,
  )
}

/** `form` is oidc-provider's, with its one-time secret: signing out takes no second click, but no foreign page can do it. */
export function renderLogout(ctx: KoaContextWithOIDC, form: string): void {
  ctx.type = 'html'
  const button = '<button name="logout" value="yes">Sign out</button></form>'
  ctx.body = page(
    'Signing out',
    `<h1>Signing out…</h1>${form.replace('</form>', button)}<script src="/assets/submit.js"></script>`,
  )
}

export function renderLoggedOut(ctx: KoaContextWithOIDC): void {
  ctx.type = 'html'
  ctx.body = page('Signed out', '<h1>Signed out</h1><p class="lead">You may close this page.</p>')
}

export function renderError(
  ctx: KoaContextWithOIDC,
  out: { readonly error: string; readonly error_description?: string },
): void {
  ctx.type = 'html'
  ctx.body = errorPage(out.error, out.error_description)
}

export function errorPage(code: string, description = 'The request cannot be answered.'): string {
  return page(
    'That did not work',
    `<h1>That did not work</h1><p class="lead">${escapeHtml(description)}</p><p><code>${escapeHtml(code)}</code></p>`,
  )
}
