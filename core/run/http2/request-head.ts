// A head of HTTP/2 as the one core knows: fields in their order, the authority as Host (RFC 9113 §8.3.1).
import type { RawHeaders } from '../../contract.ts'
import { sameName } from '../raw-headers.ts'

export interface RequestHead {
  readonly method: string
  readonly path: string
  readonly rawHeaders: RawHeaders
  /** Bytes of the fields, as HTTP/1 would send them. */
  readonly size: number
  /** What makes it malformed where nghttp2 lets it pass. */
  readonly problem: string | undefined
}

export function requestHead(wire: readonly string[]): RequestHead {
  let method = ''
  let path = ''
  let scheme = ''
  let authority: string | undefined
  let crumbs = -1
  let size = 0
  const raw: RawHeaders = []
  const hosts: string[] = []
  for (let i = 0; i < wire.length; i += 2) {
    const name = wire[i]!
    const value = wire[i + 1]!
    size += name.length + value.length + 4
    if (name === ':method') method = value
    else if (name === ':path') path = value
    else if (name === ':scheme') scheme = value
    else if (name === ':authority') authority = value
    else if (name === 'host') hosts.push(value)
    else if (name === 'cookie' && crumbs !== -1)
      raw[crumbs] += `; ${value}` // RFC 9113 §8.2.3
    else {
      if (name === 'cookie') crumbs = raw.length + 1
      raw.push(name, value)
    }
  }
  const problem = authorityProblem(authority, hosts) ?? schemeProblem(method, scheme) ?? pathProblem(path)
  const host = authority ?? hosts[0]
  return { method, path, rawHeaders: host === undefined ? raw : ['host', host, ...raw], size, problem }
}

/** Two names for one request: the router would go by one, and whoever stands before or behind us by the other. */
function authorityProblem(authority: string | undefined, hosts: readonly string[]): string | undefined {
  if (hosts.length > 1) return 'a request carries at most one Host'
  if (authority === undefined || hosts.length === 0) return undefined
  return sameName(hosts[0]!, authority.toLowerCase()) ? undefined : ':authority and Host name different hosts'
}

/** On HTTP/1 a whole URL is a target that names its host; here that has a field of its own (RFC 9113 §8.3.1). */
function pathProblem(path: string): string | undefined {
  return path === '' || path === '*' || path.startsWith('/') ? undefined : ':path must start with /'
}

function schemeProblem(method: string, scheme: string): string | undefined {
  return method === 'CONNECT' || scheme === 'https' || scheme === 'http'
    ? undefined
    : ':scheme is neither http nor https'
}
