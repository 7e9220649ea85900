/** Tests that need IPv6 on loopback. @module */

import { PEERS_REQUIRED } from "./peers.ts";

/** Whether this machine has IPv6 on loopback. */
export const HAS_IPV6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

/** Defines a test that needs IPv6 on loopback; skipped without it, unless nothing may be skipped. */
export function ipv6Test(title: string, fn: () => Promise<void>): void {
  if (!HAS_IPV6 && PEERS_REQUIRED) fn = () => Promise.reject(new Error("This machine has no IPv6 loopback"));
  const skipped = !HAS_IPV6 && !PEERS_REQUIRED;
  Deno.test({ name: title + (skipped ? " (skipped: this machine has no IPv6 loopback)" : ""), ignore: skipped, fn });
}

/** Defines the same test for IPv4 and, where there is one, for IPv6. */
export function eachFamily(title: string, fn: (loopback: "127.0.0.1" | "::1") => Promise<void>): void {
  Deno.test(`${title} (IPv4)`, () => fn("127.0.0.1"));
  ipv6Test(`${title} (IPv6)`, () => fn("::1"));
}
