/**
 * The ends of a proxied connection, checked before they are written.
 *
 * @module
 */

import { canonicalAddress, type IpFamily, parseIpv4, parseIpv6 } from "../ip.ts";
import type { ProxyEndpoint } from "./header.ts";

/** Whether a text is an address literal of a family, read as strictly as section 2.1 asks for. */
export function isAddress(text: string, family: IpFamily): boolean {
  return (family === "IPv4" ? parseIpv4(text) : parseIpv6(text)) !== undefined;
}

/**
 * The endpoint with its address in canonical form.
 *
 * @throws TypeError when the address is not one of the family, RangeError when the port is not within 0-65535
 */
export function checkedEndpoint({ address, port }: ProxyEndpoint, family: IpFamily): ProxyEndpoint {
  if (!isAddress(address, family)) {
    throw new TypeError(`Cannot write a PROXY header: the address must be ${family}, got "${address}"`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`Cannot write a PROXY header: the port must be within 0-65535, got "${port}"`);
  }
  return { address: canonicalAddress(address), port };
}
