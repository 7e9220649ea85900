/** Short ways to write configurations. @module */

/** A mapping of a configuration. */
export type Settings = Record<string, unknown>;

/** A backend group: servers on 127.0.0.1 by port, or with settings of their own. No health checks unless set. */
export function backends(servers: readonly (number | Settings)[], settings: Settings = {}): Settings {
  return {
    healthCheck: { enabled: false },
    servers: servers.map((server) => ({
      address: "127.0.0.1",
      ...(typeof server === "number" ? { port: server } : server),
    })),
    ...settings,
  };
}

/** A TCP listener called `web` on 127.0.0.1, unless `settings` say otherwise. */
export function listener(port: number, group: Settings, settings: Settings = {}): Settings {
  return { name: "web", protocol: "TCP", address: "127.0.0.1", port, backends: group, ...settings };
}

/** Health checks as quick as the configuration allows. */
export const QUICK_CHECKS = { interval: 5, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 2 } as const;

/** Seconds within which {@link QUICK_CHECKS} must notice a server that has gone or come back. */
export const QUICK_CHECK_SECONDS = 5 * 2 + 2;
