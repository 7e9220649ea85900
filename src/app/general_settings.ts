/**
 * The settings beside the listeners: logging, the access log, the admin API's address, limits of the process, watched
 * certificates. They are got ready first, so that a bad one refuses the change as a whole.
 *
 * @module
 */

import { type AccessLog, appendReason, type PreparedAccessLog } from "../access_log/access_log.ts";
import type { AccessFormat } from "../access_log/render.ts";
import type { BoardRegistry } from "../board/registry.ts";
import { sameData } from "../config/diff.ts";
import { placeFindings } from "../config/findings.ts";
import type { ConfigOrigin } from "../config/load.ts";
import type { AccessLogPlan, Model } from "../config/model.ts";
import type { ConfigSource } from "../config/source.ts";
import type { CertificateWatch } from "../control/certificate_watch.ts";
import type { OverloadWatch } from "../control/overload_watch.ts";
import type { PreparedChange } from "../control/prepared_change.ts";
import { ConfigError } from "../errors.ts";
import { configureLog, isTextOnStderr } from "../log.ts";
import type { AdminDoor } from "./admin_door.ts";

/** Whom these settings are for. */
export interface GeneralContext {
  readonly origin: ConfigOrigin;
  readonly accessLog: AccessLog;
  readonly boards: BoardRegistry;
  readonly overload: OverloadWatch;
  readonly certificateWatch: CertificateWatch;
  readonly door: AdminDoor;
}

/**
 * Gets everything ready that is not a listener's.
 *
 * @param before what serves; `undefined` at the start, @param source where the settings stand
 * @throws {ConfigError} when the access log cannot be opened
 * @throws {WeirError} when the admin API's address cannot be; nothing has changed then
 */
export async function prepareGeneral(
  context: GeneralContext,
  { before, next, source }: { before: Model | undefined; next: Model; source: ConfigSource },
): Promise<PreparedChange> {
  const { origin, boards, overload, certificateWatch } = context;
  if (before === undefined) {
    await configureLog(next.log);
    overload.plan(next);
  }
  const accessLog = await prepareAccessLog(context, next, source);
  const takeUpAccessLog = () => {
    boards.accessFormat = accessFormat(next.log.access);
    return accessLog.commit();
  };
  // Before the first client: nobody is to be missed.
  if (before === undefined) await takeUpAccessLog();
  let door: PreparedChange | undefined;
  try {
    const moves = before === undefined || !sameData(before.admin.listen, next.admin.listen);
    door = moves ? context.door.prepare(next.admin.listen) : undefined;
  } catch (error) {
    await accessLog.abort();
    throw error;
  }
  return {
    abort: async () => {
      await accessLog.abort();
      await door?.abort();
    },
    commit: async () => {
      await takeUpAccessLog();
      if (before !== undefined && !sameData(before.log, next.log)) await configureLog(next.log);
      if (before !== undefined) overload.plan(next);
      certificateWatch.follow(certificateFiles(next, origin));
      await door?.commit();
    },
  };
}

/** Opens the access log's file, when it is another one. */
async function prepareAccessLog(
  { accessLog, origin }: GeneralContext,
  { log: { access } }: Model,
  source: ConfigSource,
): Promise<PreparedAccessLog> {
  try {
    return await accessLog.prepare(
      access === null ? null : { file: access.file === null ? null : origin.locate(access.file) },
    );
  } catch (error) {
    const message = `cannot be opened for appending: ${appendReason(error)}, got ${JSON.stringify(access?.file)}`;
    throw new ConfigError(placeFindings(source, [{ path: ["log", "accessFile"], message }]));
  }
}

/** `auto` means JSON in a file. */
function accessFormat(plan: AccessLogPlan | null): AccessFormat | null {
  if (plan === null) return null;
  const isText = plan.file === null ? isTextOnStderr(plan.format) : plan.format === "text";
  return isText ? "text" : "json";
}

/** What the certificate files of a model held, by absolute path; nothing when they are not watched. */
function certificateFiles(
  { watchCertificates, certificates, clientCAs }: Model,
  origin: ConfigOrigin,
): Map<string, string> {
  const entries = watchCertificates ? [...certificates.values(), ...clientCAs.values()] : [];
  return new Map(entries.flatMap(({ files }) => files.map(({ path, hash }) => [origin.locate(path), hash] as const)));
}
