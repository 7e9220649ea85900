/** Tests over both address families, on loopback. @module */

/** Loopback in both families. */
export const LOOPBACKS = ["127.0.0.1", "::1"] as const;

/** Defines a test that needs IPv6 on loopback; without it the test is skipped and says so, and fails where all must run. */
export function ipv6Test(title: string, fn: () => Promise<void>): void {
  let missing = "";
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
  } catch {
    missing = " (skipped: this machine has no IPv6 loopback)";
  }
  if (missing !== "" && Deno.env.get("WEIR_REQUIRE_PEERS") === "1") {
    fn = () => Promise.reject(new Error("This machine has no IPv6 loopback"));
    missing = "";
  }
  Deno.test({ name: title + missing, ignore: missing !== "", fn });
}

/** Defines a test for each family. */
export function familyTest(title: string, run: (hostname: (typeof LOOPBACKS)[number]) => Promise<void>): void {
  Deno.test(`${title}, over IPv4`, () => run("127.0.0.1"));
  ipv6Test(`${title}, over IPv6`, () => run("::1"));
}
