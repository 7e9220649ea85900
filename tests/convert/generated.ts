/** HAProxy configurations of every kind of line, and what is wrong with the YAML that comes of one. @module */

import fc from "fast-check";
import { parse } from "yaml";
import { makeCaseFiles } from "../config/cases.ts";
import { errorsIn } from "../config/load_text.ts";
import { issue } from "../support/authority.ts";

const caseFiles = await makeCaseFiles();
const both = `${caseFiles["certs/good.pem"]}${caseFiles["certs/good.key"]}`;
const ca = caseFiles["certs/ca.pem"] ?? "";
const itsOwn = await issue({ name: "CA", ca: true });

/** The files that a configuration names: CAs, and certificates with their keys. */
export function filesNamedIn(yaml: string): Record<string, string> {
  const { certificates = {}, clientCAs = {} } = parse(yaml) as Record<string, Record<string, { certFile: string }>>;
  const named = (entries: Record<string, { readonly certFile: string }>, content: string) =>
    Object.values(entries).map(({ certFile }) => [certFile, content]);
  const files: Record<string, string> = Object.fromEntries([...named(certificates, both), ...named(clientCAs, ca)]);
  // A file that is named as either must do as either.
  const isBoth = (file: string) =>
    [certificates, clientCAs].every((entries) => Object.values(entries).some(({ certFile }) => certFile === file));
  return Object.fromEntries(
    Object.entries(files).map(([file, content]) => [file, isBoth(file) ? itsOwn.certPem + itsOwn.keyPem : content]),
  );
}

/** The errors that the YAML gets, the files that it names being there. */
export const problemsOf = (yaml: string) => {
  const resolved = yaml.replaceAll("${CERTS:-/etc/ssl}", "/etc/ssl");
  return errorsIn(resolved, { files: filesNamedIn(resolved) });
};

/** One of these words. */
export const pick = <const Words extends readonly string[]>(...words: Words) => fc.constantFrom(...words);
const some = (values: readonly string[]) => fc.subarray([...values]).map((words) => words.join(" "));
const port = fc.oneof(fc.integer({ min: 1, max: 65535 }).map(String), pick("80", "443", "8080"));

const bind = fc.tuple(
  pick("", "*", "127.0.0.1", "::", "[::1]", "10.0.0.9", "localhost"),
  fc.oneof(port, pick("9900", "7000-7003", "7002-7005")),
  pick("", "ssl crt www.pem", "ssl crt www.pem crt b.pem ca-file ca.pem verify required ssl-min-ver TLSv1.3", "ssl"),
  some(["accept-proxy", "backlog 70000", "maxconn 0", "alpn h2,http/1.1", "v6only", "name n", "tfo", "what ever"]),
).map(([address, ports, tls, more]) => `bind ${address}:${ports} ${tls} ${more}`);

const server = fc.tuple(
  pick("10.0.0.1", "10.0.0.2", "[2001:db8::1]", "app.internal", "App.internal", "unix@/x", "0.0.0.0"),
  fc.oneof(port.map((text) => `:${text}`), pick("", ":+1000", ":-1", ":0", ":http")),
  pick("", "weight 0", "weight 1", "weight 256", "weight 77"),
  some([
    ...["check inter 200ms rise 1 fall 50", "check port 99999", "backup", "disabled", "send-proxy", "slowstart 1h"],
    ...["send-proxy-v2 proxy-v2-options crc32c", "ssl verify none", "ssl ca-file ca.pem sni str(a.b)", "maxconn 3"],
    ...["ssl sni str(http://x)", "no-check", "resolvers x", "nonsense 1 2"],
  ]),
).map(([address, text, weight, more]) => `server s ${address}${text} ${weight} ${more}`);

const rule = pick(
  "acl a src 10.0.0.0/8 ::1",
  "acl a src -f list.txt 10.0.0.1",
  "acl b hdr(host) x",
  "tcp-request connection reject if a",
  "tcp-request connection accept if a or b",
  "tcp-request connection reject unless { src 192.0.2.0/255.255.255.0 }",
  "tcp-request connection reject",
  "tcp-request connection expect-proxy layer4 if { src 10.0.0.1 }",
);

const setting = pick(
  ...["balance leastconn", "balance source", "balance hdr(x)", "maxconn 5", "maxconn 0", "maxconn 99999999"],
  ...["backlog 1", "rate-limit sessions 9", "timeout client 1", "timeout server 9d", "timeout connect 1us"],
  ...["timeout tunnel 0", "timeout check 1h", "option tcplog", "no option tcplog", "option httpchk", "description ü"],
  ...["default_backend b0", "default_backend gone", "use_backend b1", "use_backend b1 if a", "mode tcp", "disabled"],
);

const section = fc.tuple(
  pick("listen l", "listen l:l", "frontend f", "backend b"),
  fc.array(fc.oneof(bind, server, rule, setting, server, bind), { maxLength: 12 }),
);

/** Whole configurations. */
export const haproxyConfigs: fc.Arbitrary<string> = fc.tuple(
  fc.array(section, { minLength: 1, maxLength: 4 }),
  fc.array(setting, { maxLength: 3 }),
).map(([all, common]) =>
  [
    "global",
    "defaults",
    ...common.filter((one) => one !== "disabled"),
    ...all.flatMap(([head, lines], index) => [`${head}${index}`, ...lines]),
    "backend b1",
    "server a 10.0.0.7:80",
  ].join("\n")
);
