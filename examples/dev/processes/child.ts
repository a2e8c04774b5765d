import process from 'node:process'

/** Line by line, what a child of examples/dev/main.ts says on stdout: this prefix, then a message for the parent; else a line for people. */
export const signal = '@bascule '

export type ChildSays =
  | { readonly kind: 'ready'; readonly urls: readonly string[] }
  | { readonly kind: 'failed'; readonly code: string; readonly port?: number; readonly message: string }

export function ready(...urls: readonly string[]): void {
  tell({ kind: 'ready', urls })
}

/** The end of a child that cannot start. */
export function fail(error: unknown): never {
  const { code, port, message } = describe(error)
  tell({ kind: 'failed', code, message, ...(port === undefined ? {} : { port }) })
  process.exit(1)
}

/**
 * The parent holds the other end of stdin: when it is gone, however it went (`kill -9` included), stdin ends. So no
 * child outlives it and keeps its ports.
 */
export function endWithParent(child: boolean, close: () => Promise<void>): void {
  let closing = false
  const end = () => {
    if (closing) return
    closing = true
    close().finally(() => process.exit(0))
  }
  process.once('SIGTERM', end)
  // Ctrl-C reaches the whole process group. The parent drains first and ends its children then.
  process.on('SIGINT', child ? () => undefined : end)
  if (child) process.stdin.resume().once('end', end).once('error', end).once('close', end)
}

function tell(message: ChildSays): void {
  console.log(signal + JSON.stringify(message))
}

function describe(error: unknown): { readonly code: string; readonly port?: number; readonly message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) }
  const { code, port } = error as Error & { readonly code?: unknown; readonly port?: unknown }
  return {
    code: typeof code === 'string' ? code : error.name,
    message: error.message,
    ...(typeof port === 'number' ? { port } : {}),
  }
}
