/**
 * Opening listening sockets. See docs/decisions/0003-listening-sockets.md for why the two protocols differ.
 *
 * @module
 */

import { messageOf, WeirError } from "../errors.ts";
import { formatEndpoint } from "./ip.ts";

/** An address to listen on. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

/** A socket to open. */
export interface SocketSettings extends ListenAddress {
  /** Connections that may wait to be accepted, 1-65535; the kernel's own limit (net.core.somaxconn) holds as well. */
  readonly backlog: number;
}

/**
 * Opens a TCP socket that every thread of this process which asks for the same address shares, with its queue of
 * waiting connections. Another process gets an error. The backlog is that of the thread that asked first.
 *
 * @throws {WeirError} `bind_failed`
 */
export function listenShared({ address, port, backlog }: SocketSettings): Deno.TcpListener {
  // `loadBalanced` clones one socket within the process; it is missing from the published types.
  const options: Deno.TcpListenOptions & { loadBalanced: boolean } = {
    hostname: address,
    port,
    loadBalanced: true,
    tcpBacklog: backlog,
  };
  return bind({ address, port }, () => Deno.listen(options));
}

/**
 * Opens a TCP socket beside others of this process on the same address, each with a queue of its own. It takes one
 * descriptor, where {@link listenShared} takes two for the first socket of an address and one for each other.
 *
 * @throws {WeirError} `bind_failed`
 */
export function listenBeside(at: SocketSettings): Deno.TcpListener {
  // Unstable, so missing from the published types without a flag.
  const options: Deno.TcpListenOptions & { reusePort: boolean } = {
    hostname: at.address,
    port: at.port,
    reusePort: true,
    tcpBacklog: at.backlog,
  };
  return bind(at, () => Deno.listen(options));
}

/**
 * Opens a TCP-SSL socket beside others of this process on the same address, each with a queue of its own.
 *
 * @throws {WeirError} `bind_failed`
 */
export function listenTls(
  at: SocketSettings,
  certificate: { readonly certPem: string; readonly keyPem: string; readonly alpn: readonly string[] },
): Deno.TlsListener {
  // Unstable, so missing from the published types without a flag.
  const reusePort: { reusePort: boolean } = { reusePort: true };
  return bind(at, () =>
    Deno.listenTls({
      hostname: at.address,
      port: at.port,
      cert: certificate.certPem,
      key: certificate.keyPem,
      tcpBacklog: at.backlog,
      // An empty list would refuse every client that has one of its own.
      ...(certificate.alpn.length === 0 ? {} : { alpnProtocols: [...certificate.alpn] }),
      ...reusePort,
    }));
}

/**
 * Makes sure that nobody else listens on an address: sockets that allow others beside them would share it in silence.
 *
 * @throws {WeirError} `bind_failed`
 */
export function checkFree(at: ListenAddress): void {
  bind(at, () => Deno.listen({ hostname: at.address, port: at.port })).close();
}

function bind<Socket>(at: ListenAddress, open: () => Socket): Socket {
  try {
    return open();
  } catch (error) {
    throw new WeirError(
      "bind_failed",
      `Cannot listen on ${formatEndpoint(at.address, at.port)}: ${listenFailure(error, at)}`,
      {
        cause: error,
      },
    );
  }
}

/** Why a socket could not be opened, and what to do about it, for people. */
export function listenFailure(error: unknown, at: ListenAddress): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return `the port is in use by another program; ${findHolder(at.port)} shows which, or choose another port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) return `this machine has no address ${at.address}`;
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return at.port < 1024
      ? "no permission for ports below 1024; choose a higher one, or grant it: " +
        "setcap cap_net_bind_service=+ep on the executable, AmbientCapabilities=CAP_NET_BIND_SERVICE under systemd"
      : "no permission";
  }
  if (isOutOfDescriptors(error)) {
    return "no file descriptor is left; raise the limit (ulimit -n, LimitNOFILE) or listen on fewer ports";
  }
  return messageOf(error);
}

/** A command that shows who listens on a port. */
function findHolder(port: number): string {
  if (Deno.build.os === "windows") return `"netstat -ano"`;
  return Deno.build.os === "linux" ? `"ss -ltnp sport = :${port}"` : `"lsof -nP -iTCP:${port} -sTCP:LISTEN"`;
}

function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
