/**
 * The typed errors of Weir: every failure carries a kind from a closed set, so that nobody has to match on message
 * text.
 *
 * @module
 */

/** What kind of thing went wrong. The same words appear in logs, in metrics and in the admin API. */
export type WeirErrorKind =
  | "config_invalid"
  | "config_unreadable"
  | "bind_failed"
  | "worker_failed"
  | "admin_unreachable"
  | "config_changed"
  | "not_saveable"
  | "write_failed"
  | "no_such_listener"
  | "no_such_backend_group"
  | "no_such_ip_group"
  | "no_such_server"
  | "no_such_replacement"
  | "already_exists"
  | "in_use"
  | "precondition_failed"
  | "stopping"
  | "usage";

/** An error that Weir raises on purpose. */
export class WeirError extends Error {
  override readonly name: string = "WeirError";
  /** What kind of thing went wrong. */
  readonly kind: WeirErrorKind;

  /**
   * @param kind what kind of thing went wrong
   * @param message sentence case, no final period: the action that failed, the rule, the current value in quotes
   * @param options the error that led to this one
   */
  constructor(kind: WeirErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** One thing that is wrong with a configuration, and where it stands. */
export interface ConfigProblem {
  /** The file as the user named it. */
  readonly file: string;
  /** 1-based line, 0 when the problem has no place in the file. */
  readonly line: number;
  /** 1-based column, 0 when the problem has no place in the file. */
  readonly column: number;
  /** Dotted path of the key, empty for the whole file. */
  readonly path: string;
  /** What is wrong, what is allowed and what was found. */
  readonly message: string;
  /** The path within what somebody asked for through the admin API; missing for what nobody did. */
  readonly requestPath?: string | undefined;
}

/** Renders a problem as `file:line:column path: message`, as compilers do. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place} ${problem.path}: ${problem.message}`;
}

/** A configuration that cannot be used, with every problem found in it. */
export class ConfigError extends WeirError {
  override readonly name = "ConfigError";
  /** Every problem found, in file order. */
  readonly problems: readonly ConfigProblem[];

  /** @param problems at least one problem */
  constructor(problems: readonly ConfigProblem[]) {
    super("config_invalid", problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
