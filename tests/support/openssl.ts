/** `openssl s_client`, and what it says of a connection. @module */

/** The versions of TLS that Weir speaks. */
export const TLS_VERSIONS = ["1.2", "1.3"] as const;

/** A version of TLS. */
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** Where and how to connect. */
export interface OpensslOptions {
  readonly port: number;
  readonly hostname?: string;
  readonly version?: TlsVersion;
  /** More arguments. */
  readonly args?: readonly string[];
  /** What to send after the handshake. */
  readonly request?: string;
}

/** What became of a connection. */
export interface OpensslResult {
  /** 0 unless something went wrong. */
  readonly code: number;
  /** Everything it said. */
  readonly text: string;
  /** The number of the TLS alert that came; `undefined` when none did. */
  readonly alert: number | undefined;
}

/** A client that stays until the server ends the connection. */
export async function askWithOpenssl(openssl: string, options: OpensslOptions): Promise<OpensslResult> {
  const { hostname = "127.0.0.1", port, version, args = [], request = "" } = options;
  const child = new Deno.Command(openssl, {
    args: [
      ...["s_client", "-connect", hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`],
      ...(version === undefined ? [] : [version === "1.2" ? "-tls1_2" : "-tls1_3"]),
      ...["-ign_eof", "-nocommands", ...args],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(request));
    await writer.close();
  } catch { /* it has given up before it read what it should send */ }
  const { code, stdout, stderr } = await output;
  const text = `${new TextDecoder().decode(stdout)}\n${new TextDecoder().decode(stderr)}`;
  const alert = /SSL alert number (\d+)/.exec(text)?.[1];
  return { code, text, alert: alert === undefined ? undefined : Number(alert) };
}
