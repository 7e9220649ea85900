/**
 * The questions of `weir init` on a terminal. Each answer is held against the rules of the configuration at once, and
 * asked for again when it breaks one.
 *
 * @module
 */

import { DEFAULT_ANSWERS, type StarterAnswers, type StarterServer } from "./starter_config.ts";

/** What a dialogue needs of the world. */
export interface DialogueOptions {
  /** Asks for a line; Enter alone gives the default. @returns `null` when there will be no answer */
  ask(question: string, fallback: string): string | null;
  say(text: string): void;
  /** What is wrong with a configuration made from these answers; empty when nothing is. */
  problemsIn(answers: StarterAnswers): readonly string[];
}

/** Where certificates are looked for at first. */
const USUAL_FILES = { certFile: "certs/www.pem", keyFile: "certs/www.key" } as const;

/** Asks everything. @returns `undefined` when the one who is asked leaves */
export function askForAnswers({ ask, say, problemsIn }: DialogueOptions): StarterAnswers | undefined {
  let answers = DEFAULT_ANSWERS;
  /** Asks until the answer holds, which then is part of the answers. @returns whether there was one */
  const settle = (question: () => Partial<StarterAnswers> | string | null): boolean => {
    for (;;) {
      const given = question();
      if (given === null) return false;
      if (typeof given === "string") {
        say(`  ${given}`);
        continue;
      }
      const next = { ...answers, ...given };
      const problems = problemsIn(next);
      if (problems.length === 0) {
        answers = next;
        return true;
      }
      for (const problem of problems) say(`  ${problem}`);
    }
  };
  const isAnswered = settle(() => askForServers(ask)) && settle(() => askForPort(ask)) && settle(() => askForTls(ask));
  return isAnswered ? answers : undefined;
}

type Ask = DialogueOptions["ask"];

function askForServers(ask: Ask): Partial<StarterAnswers> | string | null {
  const text = ask(
    "Your servers, ADDRESS:PORT, several with blanks between",
    DEFAULT_ANSWERS.servers.map(show).join(" "),
  );
  if (text === null) return null;
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const servers = words.map(readServer);
  const wrong = words.find((_, index) => servers[index] === undefined);
  if (wrong !== undefined) {
    return `must be an address and a port such as 10.0.0.11:80 or [2001:db8::11]:80, got "${wrong}"`;
  }
  if (words.length === 0) return "must be at least one address and port such as 10.0.0.11:80";
  return { servers: servers.filter((one) => one !== undefined) };
}

function askForPort(ask: Ask): Partial<StarterAnswers> | string | null {
  const text = ask("The port that clients connect to", String(DEFAULT_ANSWERS.port));
  if (text === null) return null;
  return /^\d{1,6}$/.test(text.trim()) ? { port: Number(text) } : `must be between 1 and 65535, got "${text}"`;
}

function askForTls(ask: Ask): Partial<StarterAnswers> | string | null {
  const text = ask("Should Weir end TLS there, y or n", "n");
  if (text === null) return null;
  if (/^\s*no?\s*$/i.test(text)) return { tls: undefined };
  if (!/^\s*y(es)?\s*$/i.test(text)) return `must be y or n, got "${text}"`;
  const certFile = ask("  The certificate with its chain, a PEM file", USUAL_FILES.certFile);
  const keyFile = certFile === null ? null : ask("  Its private key, a PEM file", USUAL_FILES.keyFile);
  return certFile === null || keyFile === null ? null : { tls: { certFile: certFile.trim(), keyFile: keyFile.trim() } };
}

function readServer(word: string): StarterServer | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,6})$/.exec(word);
  const address = match?.[1] ?? match?.[2];
  return match === null || address === undefined ? undefined : { address, port: Number(match[3]) };
}

function show({ address, port }: StarterServer): string {
  return `${address}:${port}`;
}
