/**
 * The words after an address of a `bind` or `server` line: which of them are carried over, how many values each takes,
 * and what is said of the others. Pure.
 *
 * @module
 */

/** A word that is not carried over: the number of its values, and what to do instead; `null` when nothing is lost. */
type Note = readonly [values: number, advice: string | null];

/** What a line's words may be. */
export interface WordTable {
  /** Words that are carried over, with the number of their values. */
  readonly known: Readonly<Record<string, number>>;
  readonly others: Readonly<Record<string, Note>>;
}

const CIPHERS = "Weir offers the strong suites of TLS 1.2 and 1.3 only, in its own order";
const SYSTEM = "there is no such socket option";

/** Words of `bind`. */
export const BIND_WORDS: WordTable = {
  known: {
    ...{ "accept-proxy": 0, alpn: 1, backlog: 1, "ca-file": 1, crt: 1, maxconn: 1, name: 1, ssl: 0 },
    ...{ "ssl-min-ver": 1, v4v6: 0, v6only: 0, verify: 1, "no-tlsv12": 0, "force-tlsv13": 0 },
  },
  others: {
    ...{ "no-sslv3": [0, null], "no-tlsv10": [0, null], "no-tlsv11": [0, null], id: [1, null], nice: [1, null] },
    ...{ "defer-accept": [0, null], "no-ca-names": [0, null], "prefer-client-ciphers": [0, null], level: [1, null] },
    ciphers: [1, CIPHERS],
    ciphersuites: [1, CIPHERS],
    curves: [1, CIPHERS],
    ecdhe: [1, CIPHERS],
    sigalgs: [1, CIPHERS],
    "client-sigalgs": [1, CIPHERS],
    "crl-file": [1, "revocation lists are not read; sign clients by a CA of their own"],
    "crt-list": [1, "name the certificates in tls.certificates"],
    "ca-verify-file": [1, "name the CAs in clientCAs"],
    "crt-ignore-err": [1, "every error of a client's certificate counts"],
    "ca-ignore-err": [1, "every error of a client's certificate counts"],
    "strict-sni": [0, "a client that asks for no known name gets the first certificate"],
    "ssl-max-ver": [1, "TLS 1.3 is always spoken"],
    "no-tlsv13": [0, "TLS 1.3 is always spoken"],
    "force-tlsv12": [0, "TLS 1.3 is always spoken"],
    "force-sslv3": [0, "TLS 1.2 is the least that is spoken"],
    "force-tlsv10": [0, "TLS 1.2 is the least that is spoken"],
    "force-tlsv11": [0, "TLS 1.2 is the least that is spoken"],
    "no-tls-tickets": [0, "sessions are resumed with tickets"],
    "tls-ticket-keys": [1, "Weir makes its own keys"],
    "allow-0rtt": [0, "early data is not taken"],
    "accept-netscaler-cip": [1, "only the PROXY protocol is read"],
    npn: [1, "use alpn"],
    interface: [1, "listen on the interface's address"],
    transparent: [0, SYSTEM],
    tfo: [0, SYSTEM],
    mss: [1, SYSTEM],
    "tcp-ut": [1, "idleTimeout ends connections on which nothing moves"],
    namespace: [1, "start Weir in the network namespace"],
    thread: [1, "workers says how many threads a listener has"],
    process: [1, "workers says how many threads a listener has"],
    shards: [1, "workers says how many threads a listener has"],
    user: [1, null],
    group: [1, null],
    mode: [1, null],
    uid: [1, null],
    gid: [1, null],
    proto: [1, "Weir relays bytes, of whatever protocol"],
  },
};

const PROBE = "Weir probes by a TCP connect to the server";
const POOL = "each client has a connection to a server of its own";

/** Words of `server` and `default-server`. */
export const SERVER_WORDS: WordTable = {
  known: {
    ...{ backup: 0, "ca-file": 1, check: 0, disabled: 0, fall: 1, inter: 1, port: 1, "proxy-v2-options": 1, rise: 1 },
    ...{ "send-proxy": 0, "send-proxy-v2": 0, "send-proxy-v2-ssl": 0, "send-proxy-v2-ssl-cn": 0, slowstart: 1 },
    ...{ sni: 1, ssl: 0, verify: 1, verifyhost: 1, weight: 1 },
  },
  others: {
    ...{ enabled: [0, null], id: [1, null], cookie: [1, null], "init-addr": [1, null], "no-sslv3": [0, null] },
    ...{ "no-tlsv10": [0, null], "no-tlsv11": [0, null], stick: [0, null], "non-stick": [0, null] },
    ...{ "resolve-prefer": [1, null], "resolve-opts": [1, null], "resolve-net": [1, null] },
    maxconn: [1, "servers have no limits of their own; the listener's maxConnections limits all of them together"],
    minconn: [1, "servers have no limits of their own; the listener's maxConnections limits all of them together"],
    maxqueue: [1, "there is no queue: what is over a limit is closed at once"],
    fastinter: [1, "there is one interval"],
    downinter: [1, "there is one interval"],
    addr: [1, `${PROBE} itself`],
    "agent-check": [0, "change weights with the admin API"],
    "agent-port": [1, null],
    "agent-addr": [1, null],
    "agent-inter": [1, null],
    "agent-send": [1, null],
    "check-send-proxy": [0, `${PROBE} and sends nothing`],
    "check-ssl": [0, `${PROBE} and sends nothing`],
    "no-check-ssl": [0, null],
    "check-sni": [1, null],
    "check-alpn": [1, null],
    "check-proto": [1, null],
    "check-via-socks4": [0, PROBE],
    crt: [1, "Weir shows servers no certificate"],
    "crl-file": [1, "revocation lists are not read"],
    ciphers: [1, CIPHERS],
    ciphersuites: [1, CIPHERS],
    curves: [1, CIPHERS],
    "ssl-min-ver": [1, "TLS 1.2 and 1.3 are spoken with servers"],
    "ssl-max-ver": [1, "TLS 1.2 and 1.3 are spoken with servers"],
    "no-tlsv12": [0, "TLS 1.2 and 1.3 are spoken with servers"],
    "no-tlsv13": [0, "TLS 1.2 and 1.3 are spoken with servers"],
    "no-ssl-reuse": [0, null],
    alpn: [1, "no application protocol is agreed on with servers"],
    npn: [1, "no application protocol is agreed on with servers"],
    proto: [1, "Weir relays bytes, of whatever protocol"],
    observe: [1, "healthCheck.passive looks at clients' connections, and is on"],
    "error-limit": [1, "healthCheck.passive counts to 3"],
    "on-error": [1, "healthCheck.passive marks the server Abnormal"],
    "on-marked-down": [1, "connections to a server that becomes Abnormal go on until they end by themselves"],
    "on-marked-up": [1, "connections to backup servers go on until they end by themselves"],
    resolvers: [1, "names are looked up by themselves; dns.servers says whom Weir asks"],
    source: [1, "the system picks the address that servers are connected from; use proxyProtocol for the client's"],
    interface: [1, "the system's routes hold"],
    namespace: [1, "start Weir in the network namespace"],
    track: [1, "each server is probed by itself"],
    "tcp-ut": [1, "idleTimeout ends connections on which nothing moves"],
    tfo: [0, "there is no such socket option"],
    socks4: [1, "Weir does not go through SOCKS"],
    redir: [1, "that is for HTTP"],
    "pool-max-conn": [1, POOL],
    "pool-low-conn": [1, POOL],
    "pool-purge-delay": [1, POOL],
    "max-reuse": [1, POOL],
    "log-proto": [1, null],
    "set-proxy-v2-tlv-fmt": [1, "Weir's v2 header has its own set of TLVs"],
    shard: [1, null],
    ws: [1, null],
  },
};

/** The words of one line, with their values. */
export interface ReadWords {
  /** The values by word, in their order; a word without values has an empty text. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** What is said of the rest. */
  readonly notes: readonly string[];
}

/** Reads words; those of `base` hold where these say nothing else. */
export function readWords(table: WordTable, words: readonly string[], base?: ReadWords): ReadWords {
  const values = new Map(base?.values);
  const notes: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const known = Object.hasOwn(table.known, word) ? table.known[word] : undefined;
    const other = Object.hasOwn(table.others, word) ? table.others[word] : undefined;
    const turnedOff = word.startsWith("no-") ? word.slice(3) : undefined;
    if (known !== undefined && known > 0 && (words[at + 1] ?? "") === "") {
      notes.push(`"${word}" is not carried over: it needs a value`);
      at += known;
    } else if (known !== undefined) {
      const before = word === "crt" ? values.get(word) ?? [] : [];
      values.set(word, [...before, known === 0 ? "" : words[at + 1] ?? ""]);
      at += known;
    } else if (other !== undefined) {
      const [count, advice] = other;
      if (advice !== null) notes.push(`"${words.slice(at, at + 1 + count).join(" ")}" is not carried over: ${advice}`);
      at += count;
    } else if (turnedOff !== undefined && Object.hasOwn(table.known, turnedOff)) values.delete(turnedOff);
    else {
      notes.push(`"${words.slice(at).join(" ")}" is not carried over: this translator does not know "${word}"`);
      break;
    }
  }
  return { values, notes };
}
