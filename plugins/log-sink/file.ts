import { resolve } from 'node:path'
import sonicBoom from 'sonic-boom'
import { z } from 'zod'
import { defineService } from '../../core/index.ts'

const options = z.strictObject({ path: z.string().trim().min(1, 'must name a file') })

/** Access lines as JSON in a file of their own, appended: rotate it with copytruncate. It stays open over reloads that leave its options. */
export default defineService<z.infer<typeof options>, 'log-sink'>({
  kind: 'log-sink',
  name: 'file',
  options,
  async open(host) {
    const path = resolve(host.configDir, host.options.path)
    const stream = new sonicBoom.SonicBoom({ dest: path, append: true, mkdir: true, sync: false })
    await new Promise<void>((resolve, reject) => stream.once('ready', resolve).once('error', reject))
    stream.on('error', (error: Error) => host.log.error({ path, err: error }, 'log_sink_failed'))
    return {
      write: (line) => void stream.write(`${JSON.stringify(line)}\n`),
      flush: () => new Promise<void>((resolve, reject) => stream.flush((error) => (error ? reject(error) : resolve()))),
      [Symbol.asyncDispose]: () =>
        new Promise<void>((resolve) => {
          stream.once('close', resolve) // after the last byte is written; `flush` answers before
          stream.end()
        }),
    }
  },
})
