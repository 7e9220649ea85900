/** What is done to Weir and its servers in a chaos run, one thing at a time. @module */

import { findProgram } from "../support/peers.ts";
import { until } from "../support/wait.ts";
import type { FaultRelay } from "./fault_relay.ts";
import type { ServerProcess } from "../load/server_process.ts";
import type { Tally } from "../load/tally.ts";
import { type ChaosWeir, CONNECT_TIMEOUT_SECONDS, HEALTH_CHECK, SERVERS } from "./weir.ts";

/** What faults work with. */
export interface Scene {
  readonly weir: ChaosWeir;
  readonly servers: readonly ServerProcess[];
  readonly relay: FaultRelay;
  readonly tally: Tally;
  /** How long a fault lasts, in seconds. */
  readonly seconds: number;
}

/** Something that is done. */
export interface Fault {
  readonly name: string;
  /** Programs that it takes. */
  readonly needs?: readonly string[];
  run(scene: Scene): Promise<void>;
}

/** Seconds within which probes notice: interval x threshold + timeout, and half a minute for a loaded machine. */
const NOTICED_SECONDS = HEALTH_CHECK.interval * HEALTH_CHECK.unhealthyThreshold + HEALTH_CHECK.timeout + 30;

const wait = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

async function command(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command(findProgram(program) ?? program, { args }).output();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

function expectStatus(what: string, status: number, expected: number): void {
  if (status !== expected) throw new Error(`${what} was answered with ${status}`);
}

/** Has calls of the program, or of one of its threads, fail or take long, for a while or until something has happened. */
async function inject(
  scene: Scene,
  injection: string,
  thread?: number,
  happened: () => Promise<unknown> = () => wait(scene.seconds),
): Promise<void> {
  const { pid } = scene.weir.running;
  const target = thread === undefined ? ["-f", "-p", String(pid)] : ["-p", String(thread)];
  const calls = /^[\w,]+/.exec(injection)?.[0] ?? "";
  const strace = new Deno.Command("strace", {
    args: ["-qq", ...target, "-e", `trace=${calls}`, "-e", `inject=${injection}`, "-o", "/dev/null"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const status = `/proc/${pid}/task/${thread ?? pid}/status`;
    await until("strace has it", async () => !/^TracerPid:\s+0$/m.test(await Deno.readTextFile(status)));
    await happened();
  } finally {
    strace.kill("SIGINT");
    await strace.status;
  }
}

/** Waits until Weir turns nobody away any more for want of descriptors: some seconds after there are some again. */
async function recovered({ weir, tally }: Pick<Scene, "weir" | "tally">): Promise<void> {
  await until("Weir has room again", async () => {
    const { capacity } = (await weir.running.admin("/v1/status")).body as {
      capacity: { connections: number; most: number | null };
    };
    return capacity.most === null || capacity.most > capacity.connections + 20;
  });
  tally.mayRefuse = false;
  tally.resumePauses();
}

/**
 * A thread that is about to hang accepts until its next heartbeat would be due, which the main thread sees a tenth of a
 * second late at most; on a loaded machine all of that takes longer.
 */
const LAST_ACCEPTS_MS = 500;

/** The threads that were replaced because they hung: when, in milliseconds of `performance.now()`, and after what silence. */
function* hangs(log: string): Generator<{ readonly at: number; readonly seconds: number }> {
  for (const line of log.split("\n").filter((text) => text.includes('"cause":"hung"'))) {
    const { time, message } = JSON.parse(line) as { time: string; message: string };
    const seconds = Number(/no sign of life for (\S+) s/.exec(message)?.[1]);
    yield { at: Date.parse(time) - performance.timeOrigin, seconds };
  }
}

/** Calls that fail now and then: nobody is to notice. */
function quiet(injection: string): Fault {
  return {
    name: `calls fail: ${injection}`,
    needs: ["strace"],
    run: async (scene) => {
      scene.tally.mayRefuse = /EMFILE|ENOMEM/.test(injection);
      await inject(scene, injection);
      await recovered(scene);
    },
  };
}

/** Calls that fail on connections that are served: those end. */
function deadly(injection: string): Fault {
  return {
    name: `calls fail: ${injection}`,
    needs: ["strace"],
    run: async (scene) => {
      const excuse = scene.tally.excuse(null);
      await inject(scene, injection);
      excuse.to = performance.now();
    },
  };
}

/** Clients that connect, send something unfinished and wait. */
function halfOpen(name: string, port: (weir: ChaosWeir) => number, early: string): Fault {
  return {
    name,
    run: async ({ weir, seconds }) => {
      const crowd: Deno.TcpConn[] = [];
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end && crowd.length < 500) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: port(weir) });
        crowd.push(connection);
        if (early !== "") await connection.write(new TextEncoder().encode(early)).catch(() => {});
      }
      // Each of them is to be closed by Weir, within its 2 seconds and some.
      const ends = crowd.map(async (connection) => {
        const rest = new Uint8Array(100);
        while (await connection.read(rest).catch(() => null) !== null);
        connection.close();
      });
      const late = wait(15).then(() => "late");
      if (await Promise.race([Promise.all(ends), late]) === "late") throw new Error("silent clients were not closed");
    },
  };
}

/** Every fault, in the order of a run. */
export const FAULTS: readonly Fault[] = [
  {
    name: "reloads with other weights, limits and algorithms",
    run: async ({ weir, seconds }) => {
      for (let reload = 0; reload < seconds * 3; reload++) {
        expectStatus("a reload", await weir.reload(), 200);
        await wait(0.3);
      }
    },
  },
  {
    name: "reloads that are refused",
    run: async ({ weir, seconds }) => {
      for (let reload = 0; reload < seconds; reload++) {
        expectStatus("an invalid reload", await weir.reloadInvalid(), 422);
        await wait(1);
      }
    },
  },
  {
    name: "a certificate is renewed",
    run: async ({ weir, seconds }) => {
      await weir.renew();
      await wait(seconds);
    },
  },
  {
    name: "a server is killed, and comes back",
    run: async ({ servers, tally, seconds }) => {
      const [server] = servers;
      const excuse = tally.excuse(server?.name ?? "");
      await server?.kill();
      await wait(seconds);
      await server?.start();
      excuse.to = performance.now();
    },
  },
  {
    name: "a server flaps",
    run: async ({ servers, tally, seconds }) => {
      const server = servers[1];
      const excuse = tally.excuse(server?.name ?? "");
      for (let round = 0; round < seconds; round++) {
        await server?.kill();
        await wait(0.5);
        await server?.start();
        await wait(0.5);
      }
      excuse.to = performance.now();
    },
  },
  {
    name: "a server freezes",
    run: async ({ servers, tally, seconds }) => {
      // The kernel goes on accepting for it: whoever gets there waits, and only probes would tell.
      const server = servers[2];
      const excuse = tally.excuse(server?.name ?? "");
      server?.freeze();
      await wait(seconds);
      server?.thaw();
      excuse.to = performance.now();
    },
  },
  {
    name: "a server is black-holed",
    needs: ["nft"],
    run: async ({ weir, tally, seconds }) => {
      const { name, address } = SERVERS[4];
      const excuse = tally.excuse(name);
      await command("nft", "add table ip chaos; add chain ip chaos in { type filter hook input priority 0; }");
      await command(
        "nft",
        `add rule ip chaos in ip daddr ${address} drop; add rule ip chaos in ip saddr ${address} drop`,
      );
      try {
        await until(
          "every listener has marked it",
          async () => (await weir.states(address)).every(({ health }) => health === "Abnormal"),
          NOTICED_SECONDS,
        );
        await wait(CONNECT_TIMEOUT_SECONDS + 2); // for attempts that were under way
        const tried = async () => (await weir.states(address)).map(({ connectFailures }) => connectFailures).join();
        const before = await tried();
        await wait(seconds);
        if (await tried() !== before) throw new Error("clients were sent to it after it was Abnormal");
      } finally {
        await command("nft", "delete table ip chaos");
        excuse.to = performance.now();
      }
    },
  },
  ...(["delay", "slice"] as const).map((mischief): Fault => ({
    name: `the network to a server: ${mischief}`,
    run: async ({ relay, seconds }) => {
      relay.mischief = mischief;
      await wait(seconds);
      relay.mischief = "none";
    },
  })),
  {
    name: "the network to a server: reset",
    run: async ({ relay, tally, seconds }) => {
      const excuse = tally.excuse(SERVERS[3].name);
      relay.mischief = "reset";
      await wait(seconds / 2);
      relay.resetAll();
      await wait(seconds / 2);
      relay.mischief = "none";
      excuse.to = performance.now();
    },
  },
  halfOpen("silent clients in front of TLS", (weir) => weir.ports.silent, ""),
  halfOpen("clients that send half a PROXY header", (weir) => weir.ports.proxy, "PROXY TCP4 127."),
  {
    name: "file descriptors run out",
    needs: ["prlimit"],
    run: async ({ weir, tally, seconds }) => {
      const pid = String(weir.running.pid);
      const before = /^Max open files\s+(\d+)\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/limits`));
      tally.mayRefuse = true;
      await command("prlimit", "--pid", pid, `--nofile=${weir.descriptors - 20}:${before?.[2]}`);
      await wait(seconds);
      expectStatus("the admin API", (await weir.running.admin("/v1/status")).status, 200);
      await command("prlimit", "--pid", pid, `--nofile=${before?.[1]}:${before?.[2]}`);
      await recovered({ weir, tally });
    },
  },
  quiet("accept4:error=EMFILE:when=2+3"),
  quiet("accept4:error=ECONNABORTED:when=2+2"),
  quiet("accept4:error=ENOMEM:when=2+5"),
  quiet("socket:error=EMFILE:when=3+5"),
  quiet("connect:error=ECONNREFUSED:when=3+5"),
  deadly("recvfrom:error=ECONNRESET:when=50+50"),
  deadly("sendto:error=EPIPE:when=50+50"),
  {
    name: "a worker thread hangs",
    needs: ["strace"],
    run: async (scene) => {
      const { running } = scene.weir;
      const [thread] = scene.weir.workerThreads;
      if (thread === undefined) throw new Error("there is no such thread");
      // Those that it has accepted are lost; whoever comes later is not, but for one.
      const excuse = scene.tally.excuse(null, performance.now());
      const before = [...hangs(running.log)].length;
      await inject(
        scene,
        "epoll_wait,epoll_pwait,epoll_pwait2:delay_enter=20000000",
        thread,
        async () => {
          const { at, seconds } = await until("the thread is replaced", () => [...hangs(running.log)][before]);
          excuse.begunBefore = at - seconds * 1000 + LAST_ACCEPTS_MS;
          excuse.spare = 1;
        },
      );
      excuse.to = performance.now();
    },
  },
];
