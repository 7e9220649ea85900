/** Access log records for tests. @module */

import type { AccessRecord } from "../../../src/access_log/record.ts";

/** A record of which a test gives only what it is about. */
export function accessRecordOf(given: Partial<AccessRecord> = {}): AccessRecord {
  return {
    time: Date.UTC(2026, 10, 20, 13, 0, 0, 5),
    id: "00394a0d-a0bf-49d5-9eee-5bcc992ea907",
    listener: "web",
    client: { address: "192.0.2.7", port: 50123 },
    peer: null,
    destination: { address: "198.51.100.1", port: 443 },
    server: { key: "10.0.0.11:80", address: "10.0.0.11" },
    serverPort: 80,
    reason: "client_closed",
    detail: null,
    failure: null,
    bytesIn: 123,
    bytesOut: 45678,
    duration: 1.2345678,
    connectTime: 0.0012,
    handshakeTime: null,
    tls: null,
    ...given,
  };
}
