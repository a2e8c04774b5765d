/** A plugin cannot be had; the message says which and what to do. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
}
