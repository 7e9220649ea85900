/**
 * The manual page weir(1), made from the table of commands so that it cannot say anything else.
 *
 * @module
 */

import { type Described, EXIT, type Flag, HELP_FLAG } from "../src/cli/command.ts";
import { DEFAULT_CONFIG_FILES } from "../src/config/load.ts";

/** When the words of this page were last gone over; the day of writing would make the file stale every day. */
const LAST_LOOKED_OVER = "2026-11-21";

/** What checkers of manual pages think a line of the source should have at most, less a margin. */
const SOURCE_WIDTH = 76;

/** Renders the page as man(7). */
export function manualPage(commands: readonly Described[], version: string): string {
  return [
    '.\\" Made by "deno task generate" from the table of commands in src/cli/commands.ts. Do not edit.',
    `.TH WEIR 1 ${LAST_LOOKED_OVER} "Weir ${version}" "User commands"`,
    // No hyphens: a flag that is broken off at one cannot be copied.
    ".nh",
    ".SH NAME",
    "weir \\- load balancer for TCP and TCP\\-SSL",
    ".SH SYNOPSIS",
    ...commands.flatMap((one) => [".B weir " + escape(one.name), ...synopsis(one), ".br"]).slice(0, -1),
    ".SH DESCRIPTION",
    ...paragraphs(
      "Weir accepts TCP connections, ends TLS where asked to, picks a healthy server by weight, and relays bytes. " +
        "Without a command it serves, as with run.",
      `The configuration is one YAML or JSON file. Where none is named it is the first of ${
        DEFAULT_CONFIG_FILES.join(", ")
      } that exists. "weir schema" describes its keys, "weir check" names every error in it with its line.`,
    ),
    ".SH COMMANDS",
    ...commands.flatMap(describe),
    ".SH FILES",
    ...entries([[DEFAULT_CONFIG_FILES.join(", "), "The configuration, looked for in this order."]]),
    ".SH ENVIRONMENT",
    ...entries([
      ["WEIR_ADMIN", "Where the admin API of a running Weir is; --admin holds before it."],
      ["WEIR_ADMIN_TOKEN", "Its token; --token holds before it."],
      ["NO_COLOR", "When set and not empty, output has no colours."],
    ]),
    ".PP",
    ...paragraphs("${NAME} and ${NAME:-default} in the configuration take variables of the environment."),
    ".SH SIGNALS",
    ...entries([
      ["SIGHUP", "Reads the configuration again; on any error the old one serves on. Opens the access log anew."],
      [
        "SIGTERM, SIGINT",
        "Stops accepting, gives open connections shutdown.drainTimeout seconds to end, and ends. A second one ends at once.",
      ],
    ]),
    '.SH "EXIT STATUS"',
    ...entries([
      [String(EXIT.done), "Done."],
      [String(EXIT.failed), "Failed at work."],
      [String(EXIT.usage), "Wrong usage."],
      [String(EXIT.config), "The configuration is not valid."],
    ]),
    ".SH EXAMPLES",
    ...example("A first configuration, checked and served:", ["weir init", "weir check", "weir run"]),
    ...example("Take a server out of service, and wait up to five minutes for its connections:", [
      "weir drain web 10.0.0.11:80 --wait 300",
    ]),
    ...example("Completion of the command line in this shell:", ["source <(weir completion bash)"]).slice(0, -1),
    '.SH "SEE ALSO"',
    ".BR haproxy (1),",
    ".BR nginx (8)",
    "",
  ].join("\n");
}

function synopsis({ usage }: Described): string[] {
  return usage === "" ? [] : [textLines(usage)];
}

function describe(command: Described): string[] {
  const flags = command.name === "help" ? [] : [...command.flags, HELP_FLAG];
  return [
    `.SS "weir ${escape(command.name)}"`,
    textLines(command.summary),
    ...flags.flatMap((flag) => [".TP", flagLine(flag), textLines(sentence(flag.help))]),
  ];
}

function flagLine({ short, name, value }: Flag): string {
  const long = `\\fB\\-\\-${escape(name)}\\fR${value === undefined ? "" : ` \\fI${escape(value)}\\fR`}`;
  return short === undefined ? long : `\\fB\\-${short}\\fR, ${long}`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function paragraphs(...texts: readonly string[]): string[] {
  return texts.flatMap((text) => [".PP", textLines(text)]).slice(1);
}

function entries(list: readonly (readonly [term: string, text: string])[]): string[] {
  return list.flatMap(([term, text]) => [".TP", `.B ${escape(term)}`, textLines(text)]);
}

function example(title: string, lines: readonly string[]): string[] {
  return [textLines(title), ".PP", ".in +4n", ".nf", ...lines.map(textLines), ".fi", ".in", ".PP"];
}

/** Backslashes and dashes as they are. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** Running text in lines of the page's source. One that begins with a dot or an apostrophe would be a request. */
function textLines(text: string): string {
  const lines: string[] = [];
  for (const word of escape(text).split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < SOURCE_WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => /^[.']/.test(line) ? `\\&${line}` : line).join("\n");
}
