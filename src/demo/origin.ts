/**
 * The demo's configuration: an ordinary one, checked as any other, but held in memory.
 *
 * @module
 */

import type { CertificatePair } from "../config/certificates.ts";
import type { ConfigOrigin } from "../config/load.ts";
import { parseSource } from "../config/source.ts";
import { validateConfig, type ValidationBase } from "../config/validate.ts";

/** The ports that the demo uses. */
export interface DemoPorts {
  readonly tcp: number;
  readonly tls: number;
  readonly admin: number;
  readonly servers: readonly number[];
}

/** Weights of the demo's three servers. */
export const DEMO_WEIGHTS = [3, 2, 1] as const;

/** The demo's configuration as YAML, for people to read. */
export function demoConfig(ports: DemoPorts): string {
  const servers = ports.servers.map((port, index) =>
    `      - { address: 127.0.0.1, port: ${port}, weight: ${DEMO_WEIGHTS[index] ?? 1} }`
  );
  return `admin:
  listen: 127.0.0.1:${ports.admin}
log:
  level: warn
  format: text
shutdown:
  drainTimeout: 5
watchCertificates: false
certificates:
  demo: { certFile: demo.pem, keyFile: demo.key }
backendGroups:
  demo:
    algorithm: wrr
    servers:
${servers.join("\n")}
listeners:
  - name: test-tcp-8000
    protocol: TCP
    address: 127.0.0.1
    port: ${ports.tcp}
    backendGroup: demo
  - name: test-tcpssl-9000
    protocol: TCP_SSL
    address: 127.0.0.1
    port: ${ports.tls}
    backendGroup: demo
    tls: { certificate: demo }
`;
}

/** The demo's configuration as an origin; its two files exist only here. */
export function demoOrigin(ports: DemoPorts, certificate: CertificatePair): ConfigOrigin {
  const file = "demo.yaml";
  const read = (text: string, base?: ValidationBase) =>
    validateConfig(parseSource(file, text, "yaml"), {
      environment: () => undefined,
      readFile: (path) => path === "demo.pem" ? certificate.certPem : certificate.keyPem,
      fileMode: () => null,
      kindOf: () => null,
      now: new Date(),
      ...(base === undefined ? {} : { base }),
    });
  return {
    file: "the demo's built-in configuration",
    load: () => read(demoConfig(ports)),
    validate: (text, { serving, upload }) => read(text, { valid: serving, upload, isStale: () => false }),
    renew: (valid) => ({ valid, refused: [] }),
    locate: (path) => path,
    storage: undefined,
  };
}
