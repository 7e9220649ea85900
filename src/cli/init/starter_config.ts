/**
 * The configuration that `weir init` writes; a test holds it valid.
 *
 * @module
 */

import { familyOf } from "../../net/ip.ts";

/** A server to balance over. */
export interface StarterServer {
  readonly address: string;
  readonly port: number;
}

/** What a first configuration is about. */
export interface StarterAnswers {
  readonly servers: readonly StarterServer[];
  /** The port that clients connect to. */
  readonly port: number;
  /** Where TLS is ended: PEM files. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** What is written when nobody is asked. */
export const DEFAULT_ANSWERS: StarterAnswers = {
  servers: [{ address: "127.0.0.1", port: 8080 }, { address: "127.0.0.1", port: 8081 }],
  port: 8000,
};

/** YAML with comments. */
export function starterConfig({ servers, port, tls }: StarterAnswers): string {
  const serverLines = servers.map((one) =>
    `      - { address: ${scalar(one.address)}, port: ${one.port}, weight: 10 }\n`
  );
  const isTranslated = servers.some(({ address }) => familyOf(address) === "IPv6");
  const translation = isTranslated
    ? `    address: "::"               # both families
    ipTranslation: true         # clients of either reach servers of either\n`
    : "";
  return `# Weir configuration. "weir check" checks it, "weir run" serves it, "weir reload" applies changes.

admin:
  listen: 127.0.0.1:9900        # admin API; "off" disables it

backendGroups:
  web:
    algorithm: wrr              # wrr: weighted round robin; wlc: weighted least connections
    servers:
${serverLines.join("")}    healthCheck:
      interval: 5               # seconds between probes
      timeout: 2                # seconds that a probe may take
      unhealthyThreshold: 3     # failures in a row until Abnormal
      healthyThreshold: 3       # successes in a row until Healthy

listeners:
  - name: front
    protocol: ${tls === undefined ? "TCP" : "TCP_SSL             # TLS ended here, plain TCP to the servers"}
    port: ${port}
${translation}    backendGroup: web
${tls === undefined ? TLS_AS_COMMENT : tlsInUse(tls)}`;
}

const TLS_AS_COMMENT = `
  # TLS ended here, plain TCP to the servers:
  # - name: front-tls
  #   protocol: TCP_SSL
  #   port: 8443
  #   backendGroup: web
  #   tls: { certificate: www }

# certificates:
#   www: { certFile: certs/www.pem, keyFile: certs/www.key }
`;

function tlsInUse({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }): string {
  return `    tls: { certificate: www }

certificates:
  www: { certFile: ${scalar(certFile)}, keyFile: ${scalar(keyFile)} }
`;
}

/** Quoted where YAML, of whichever version, would read something else; a dollar sign does not start a variable. */
function scalar(text: string): string {
  const isPlain = /^[A-Za-z/][A-Za-z0-9._/-]*$/.test(text) && !/^(true|false|null|y|yes|n|no|on|off)$/i.test(text);
  return isPlain || familyOf(text) === "IPv4" ? text : JSON.stringify(text.replaceAll("${", "$${"));
}
