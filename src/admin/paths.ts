/** Which requests are the admin API's. @module */

/** Whether a path is the admin API's; everything else is the console's. */
export function isApiPath(path: string): boolean {
  return /^\/(v1|metrics|healthz|readyz)(\/|$)/.test(path);
}
