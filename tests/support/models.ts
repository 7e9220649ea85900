/** Models for tests. @module */

import type { Model } from "../../src/config/model.ts";

/** A model in which there is nothing. */
export function emptyModel(): Model {
  return {
    admin: { listen: null, token: "", persist: false },
    log: { level: "info", format: "json", access: null },
    dnsServers: [],
    drainTimeout: 0,
    graceTime: 0,
    maxWorkers: 32,
    watchCertificates: false,
    certificates: new Map(),
    clientCAs: new Map(),
    groups: new Map(),
    listeners: new Map(),
  };
}
