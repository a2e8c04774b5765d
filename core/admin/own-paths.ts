/** Paths of the admin listener that are core's own: no plugin can have them. */
export const ownPaths = ['/', '/healthz', '/readyz', '/metrics', '/status', '/routes', '/traces'] as const
export type OwnPath = (typeof ownPaths)[number]
