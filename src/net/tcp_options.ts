/**
 * The options of a TCP connection.
 *
 * @module
 */

/**
 * Small writes go out at once: the other end is waiting for them. The runtime's own TLS connections have no options.
 *
 * @param keepAlive whether the system probes the connection when nothing moves
 */
export function setTcpOptions(connection: Deno.TcpConn | Deno.TlsConn, keepAlive: boolean): void {
  if (!("setNoDelay" in connection)) return;
  try {
    connection.setNoDelay(true);
    if (keepAlive) connection.setKeepAlive(true);
  } catch {
    // The peer has gone already; whoever reads will find out by itself.
  }
}
