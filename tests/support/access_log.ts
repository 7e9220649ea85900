/** Reading an access log. @module */

import { until } from "./wait.ts";

/** One line of the access log in JSON. */
export interface AccessLine {
  readonly time: string;
  readonly type: "access";
  readonly id: string;
  readonly listener: string;
  readonly client: string;
  readonly peer?: string;
  readonly destination: string;
  readonly server?: string;
  readonly serverAddress?: string;
  readonly reason: string;
  readonly detail?: string;
  readonly failure?: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly duration: number;
  readonly connectTime?: number;
  readonly handshakeTime?: number;
  readonly tls?: {
    readonly version?: string;
    readonly cipher?: string;
    readonly serverName?: string;
    readonly clientCn?: string;
    readonly alpn?: string;
    readonly resumed: boolean;
  };
}

/** The lines of a file, none when it is not there. Every one must be whole, and JSON. */
export async function accessLines(file: string): Promise<AccessLine[]> {
  const text = await Deno.readTextFile(file).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AccessLine);
}

/** The lines of a file once there are so many. */
export function waitForLines(file: string, count: number): Promise<AccessLine[]> {
  return until(`${file} has ${count} lines`, async () => {
    const lines = await accessLines(file);
    if (lines.length > count) throw new Error(`${file} has ${lines.length} lines instead of ${count}`);
    return lines.length === count && lines;
  });
}
