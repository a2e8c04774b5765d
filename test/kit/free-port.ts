import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of loopback that stays free until it is used: below the range from which the system hands out ports by itself, so that
 * neither a listener on port 0 nor an outgoing connection of a test beside this one takes it meanwhile.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const probe = createServer()
    const free = once(probe, 'listening').then(
      () => true,
      () => false,
    )
    probe.listen(port, '127.0.0.1')
    if (!(await free)) continue
    probe.close()
    await once(probe, 'close')
    return port
  }
}
