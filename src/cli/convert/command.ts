/** `weir convert`: a HAProxy configuration as one of Weir's. @module */

import { readReason } from "../../config/read_file.ts";
import { WeirError } from "../../errors.ts";
import { type Command, EXIT, JSON_FLAG, usage } from "../command.ts";
import { print, printError, printJson } from "../output.ts";
import { translate } from "./translate.ts";
import { toConfig, toYaml } from "./write.ts";

/** The command. */
export const convertCommand: Command = {
  name: "convert",
  summary: "Translate a HAProxy configuration (mode tcp), and say what could not be carried over.",
  usage: "FILE [-o FILE] [--json]",
  flags: [
    {
      name: "output",
      short: "o",
      value: "FILE",
      takes: { kind: "file", endings: ["yaml", "yml"] },
      help: "write it into this new file, instead of printing it",
    },
    JSON_FLAG,
  ],
  maxRest: 1,
  words: [{ kind: "file", endings: ["cfg", "conf"] }],
  run: ({ rest: [file], values, switches }) => {
    if (file === undefined) throw usage('"weir convert" needs a file: weir convert haproxy.cfg');
    const translation = translate(file, read(file));
    const { remarks } = translation;
    const yaml = toYaml(file, translation);
    const output = values.get("output");
    if (output !== undefined) write(output, yaml);
    if (switches.has("json")) {
      printJson({ file, output: output ?? null, config: toConfig(translation), yaml, remarks });
      return EXIT.done;
    }
    for (const { line, message } of remarks) printError(`${file}:${line}: ${message}`);
    print(output === undefined ? yaml.trimEnd() : `Wrote ${output}. Look it over, then:\n  weir check -c ${output}`);
    return EXIT.done;
  },
};

function read(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new WeirError("config_unreadable", `Cannot read ${file}: ${readReason(error)}`, { cause: error });
  }
}

function write(file: string, text: string): void {
  try {
    Deno.writeTextFileSync(file, text, { createNew: true });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "it is there already, and is left alone"
      : error instanceof Deno.errors.NotFound
      ? "its folder is not there"
      : readReason(error);
    throw new WeirError("config_unreadable", `Cannot write ${file}: ${reason}`, { cause: error });
  }
}
