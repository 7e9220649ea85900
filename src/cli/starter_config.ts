/**
 * The configuration that `weir init` writes; a test holds it valid.
 *
 * @module
 */

/** YAML with comments. */
export const STARTER_CONFIG =
  `# Weir configuration. "weir check" checks it, "weir run" serves it, "weir reload" applies changes.

admin:
  listen: 127.0.0.1:9900        # admin API; "off" disables it

backendGroups:
  web:
    algorithm: wrr              # wrr: weighted round robin; wlc: weighted least connections
    servers:
      - { address: 127.0.0.1, port: 8080, weight: 10 }
      - { address: 127.0.0.1, port: 8081, weight: 10 }
    healthCheck:
      interval: 5               # seconds between probes
      timeout: 2                # seconds that a probe may take
      unhealthyThreshold: 3     # failures in a row until Abnormal
      healthyThreshold: 3       # successes in a row until Healthy

listeners:
  - name: front
    protocol: TCP
    port: 8000
    backendGroup: web

  # TLS ended here, plain TCP to the servers:
  # - name: front-tls
  #   protocol: TCP_SSL
  #   port: 8443
  #   backendGroup: web
  #   tls: { certificate: www }

# certificates:
#   www: { certFile: certs/www.pem, keyFile: certs/www.key }
`;
