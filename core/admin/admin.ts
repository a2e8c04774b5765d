import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createListener } from '../server/listener.ts'
import { refusedBecause } from './guard.ts'
import { refuse, sendPage, starting } from './pages.ts'
import type { AdminView } from './view.ts'

type AdminHandler = (req: IncomingMessage, res: ServerResponse) => void

/** Core's own pages, then the endpoints that plugins bring for operators, in the same engine as public requests. */
export function adminHandler(view: AdminView): AdminHandler {
  let front: Server | undefined
  return (req, res) => {
    const why = refusedBecause(req)
    if (why !== undefined) refuse(res, 'FORBIDDEN', why)
    else if (sendPage(view, req, res)) return
    else if (view.generations()) {
      front ??= createListener(() => view.generations()!.current.admin)
      front.emit('request', req, res)
    } else starting(res)
  }
}

/** For operators, on a listener of its own, so that no header or path of the public one reaches it. */
export function createAdmin(view: AdminView): Server {
  return http.createServer(
    { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, requestTimeout: 60_000 },
    adminHandler(view),
  )
}
