import { Buffer } from 'node:buffer'
import type { KoaContextWithOIDC } from 'oidc-provider'

/**
 * oidc-provider drops `offline_access` from every request without `prompt=consent` (OIDC Core 11), so a client that
 * sends no prompt gets no refresh token. Consent is implicit here: the prompt is added on the client's behalf.
 */
export function allowOfflineAccess(paths: { readonly authorize: string; readonly push: string }) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    if (ctx.method === 'GET' && ctx.path === paths.authorize) ctx.querystring = withConsent(ctx.querystring)
    else if (ctx.method === 'POST' && ctx.path === paths.push)
      Object.assign(ctx.request, { body: withConsent(await textOf(ctx.req)) })
    await next()
  }
}

function withConsent(form: string): string {
  const params = new URLSearchParams(form)
  const words = (name: string) => (params.get(name) ?? '').split(' ').filter(Boolean)
  const prompts = words('prompt')
  if (!words('scope').includes('offline_access') || prompts.includes('none') || prompts.includes('consent')) return form
  params.set('prompt', [...prompts, 'consent'].join(' '))
  return params.toString()
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > 64 * 1024) throw new Error('the pushed request is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
