/** `rate-limit` → `X-Rate-Limit`. */
export function headerOf(name: string): string {
  return `X-${name
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('-')}`
}
