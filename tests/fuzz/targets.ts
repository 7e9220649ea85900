/** Everything that is fuzzed. @module */

import type { FuzzTarget } from "./target.ts";
import { adminTarget } from "./targets/admin.ts";
import { certificateTargets } from "./targets/certificate.ts";
import { clientHelloTarget } from "./targets/client_hello.ts";
import { configTargets } from "./targets/config.ts";
import { consoleTarget } from "./targets/console.ts";
import { convertTarget } from "./targets/convert.ts";
import { dnsAnswerTarget } from "./targets/dns_answer.ts";
import { addressTargets } from "./targets/ip_group_file.ts";
import { peerCertificateTarget } from "./targets/peer_certificate.ts";
import { proxyHeaderTarget } from "./targets/proxy_header.ts";
import { strangersTarget } from "./targets/strangers.ts";
import { tlsMachineTarget } from "./targets/tls_machine.ts";

/** The targets, by what they read. */
export const TARGETS: readonly FuzzTarget[] = [
  ...configTargets,
  ...addressTargets,
  ...certificateTargets,
  peerCertificateTarget,
  convertTarget,
  adminTarget,
  consoleTarget,
  strangersTarget,
  proxyHeaderTarget,
  clientHelloTarget,
  tlsMachineTarget,
  dnsAnswerTarget,
];
