// What explain says of a WebSocket handshake.
import t from 'tap'
import { Explainer } from '../../core/explain/explain.ts'
import { loadConfig } from '../../core/load/load-config.ts'
import { tempDir } from '../kit/bascule.ts'
import { socketFiles } from '../kit/websocket.ts'

t.test('a handshake is explained as one: what would be opened, and where none is taken', async (t) => {
  const { config } = await loadConfig({ dir: tempDir(t, socketFiles('http://api:8100')), env: {} })
  const explainer = await Explainer.open(config!)
  t.teardown(() => explainer.close())
  const ask = (target: string, as: 'anonymous' | 'user') =>
    explainer.explain({ method: 'GET', target, as, headers: [['Upgrade', 'websocket']] })

  const own = await ask('/own/x', 'user')
  t.equal(own.code, 'OK')
  t.match(own.stages.at(-1)?.would[0], /^open a WebSocket with GET http:\/\/api:8100\/x\n {2}Sec-WebSocket-Version: 13/)
  t.match(await ask('/own/x', 'anonymous'), { status: 401, code: 'SESSION_REQUIRED' })
  t.match(await ask('/plain/x', 'user'), { status: 501, code: 'NOT_IMPLEMENTED' })
})
