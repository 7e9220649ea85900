/** The likeliest mistakes of a first minute: each message says what is wrong, where, and what to do next. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { anyPort, noSetpriv, weirWithout } from "../support/privileges.ts";
import { type Finished, RunningWeir, weir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** A folder with a configuration. */
interface Folder {
  readonly path: string;
  /** The configuration in it. */
  readonly file: string;
}

interface Mistake {
  readonly name: string;
  /** Why it cannot be made here; empty when it can. */
  readonly skipped?: string;
  /** Makes the mistake. @returns what the program left, and what it must have said, to the letter */
  readonly make: (
    folder: Folder,
  ) => Promise<{ readonly finished: Finished; readonly code: number; readonly says: string }>;
}

const HOLDER = (port: number) =>
  Deno.build.os === "linux" ? `"ss -ltnp sport = :${port}"` : `"lsof -nP -iTCP:${port} -sTCP:LISTEN"`;

async function write({ file, path }: Folder, config: Settings | string, files: Record<string, string> = {}) {
  const text = typeof config === "string" ? config : JSON.stringify({ admin: { listen: "off" }, ...config });
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeTextFile(`${path}/${name}`, content, { mode: 0o600 });
  }
  await Deno.writeTextFile(file, text);
}

/** The configuration of a TCP-SSL listener with the certificate "www". */
function tlsConfig(certificates: Settings = CERTIFICATE_STORE): Settings {
  return { certificates, listeners: [listener(freePort(), backends([freePort()]), overTls())] };
}

/** `FILE:LINE:COLUMN` of a text in a configuration of one line. */
async function placeOf({ file }: Folder, text: string): Promise<string> {
  const offset = (await Deno.readTextFile(file)).indexOf(text);
  assert.notEqual(offset, -1, text);
  return `${file}:1:${offset + 1}`;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: "a port that is in use",
    make: async (folder) => {
      await using squatter = nameServer("squatter");
      const { port } = squatter;
      await write(folder, { listeners: [listener(port, backends([freePort()]))] });
      return {
        finished: await weir(["run", "-c", folder.file]),
        code: 1,
        says: `weir: Listener "web": Cannot listen on 127.0.0.1:${port}: the port is in use by another program; ` +
          `${HOLDER(port)} shows which, or choose another port`,
      };
    },
  },
  {
    name: "the admin API's port is in use",
    make: async (folder) => {
      await using squatter = nameServer("squatter");
      const { port } = squatter;
      await write(folder, { admin: { listen: `127.0.0.1:${port}` }, listeners: [] });
      const finished = await weir(["run", "-c", folder.file]);
      return {
        // Lines of the log may come before it.
        finished: { ...finished, stderr: finished.stderr.replace(/^\{.*\n/gm, "") },
        code: 1,
        says: `weir: The admin API cannot listen on 127.0.0.1:${port}: the port is in use by another program; ` +
          `${HOLDER(port)} shows which, or choose another port`,
      };
    },
  },
  {
    name: "no permission for a low port",
    skipped: noSetpriv || anyPort,
    make: async (folder) => {
      await write(folder, { listeners: [listener(443, backends([freePort()]))] });
      return {
        finished: await weirWithout(["net_bind_service"], ["run", "-c", folder.file]),
        code: 1,
        says: 'weir: Listener "web": Cannot listen on 127.0.0.1:443: no permission for ports below 1024; ' +
          "choose a higher one, or grant it: setcap cap_net_bind_service=+ep on the executable, " +
          "AmbientCapabilities=CAP_NET_BIND_SERVICE under systemd",
      };
    },
  },
  {
    name: "a wrong path of the configuration",
    make: async ({ path }) => ({
      finished: await weir(["check", "-c", `${path}/wier.yaml`]),
      code: 1,
      says: `weir: Cannot read the configuration "${path}/wier.yaml": no such file; ` +
        'name another one with -c FILE, or write a first weir.yaml with "weir init"',
    }),
  },
  {
    name: "the configuration's folder for the configuration",
    make: async ({ path }) => ({
      finished: await weir(["run", "-c", path]),
      code: 1,
      says: `weir: Cannot read the configuration "${path}": it is a directory; name the file in it`,
    }),
  },
  {
    name: "a wrong path of a certificate",
    make: async (folder) => {
      const { certPem, keyPem } = await testCertificate();
      await write(folder, tlsConfig(), { "wwww.pem": certPem, "www.key": keyPem });
      return {
        finished: await weir(["check", "-c", folder.file]),
        code: 3,
        says: `${await placeOf(folder, '"www.pem"')} certificates.www.certFile: cannot read "www.pem": no such file; ` +
          "a relative path starts at the configuration's folder",
      };
    },
  },
  {
    name: "a key that may not be read",
    skipped: noSetpriv,
    make: async (folder) => {
      await write(folder, tlsConfig(), certificateFiles(await testCertificate()));
      await Deno.chmod(`${folder.path}/www.key`, 0);
      return {
        finished: await weirWithout(["dac_override", "dac_read_search"], ["check", "-c", folder.file]),
        code: 3,
        says: `${await placeOf(folder, '"www.key"')} certificates.www.keyFile: cannot read "www.key": ` +
          "permission denied; the user that Weir runs as must be able to read it",
      };
    },
  },
  {
    name: "a key that does not belong to the certificate",
    make: async (folder) => {
      const { certPem } = await testCertificate();
      const { keyPem } = await testCertificate();
      await write(folder, tlsConfig(), { "www.pem": certPem, "www.key": keyPem });
      return {
        finished: await weir(["check", "-c", folder.file]),
        code: 3,
        says:
          `${await placeOf(folder, '"www.key"')} certificates.www.keyFile: must be the certificate's private key, ` +
          'got "www.key" for "www.pem"; ' +
          'compare "openssl x509 -noout -pubkey -in CERT" with "openssl pkey -pubout -in KEY"',
      };
    },
  },
  {
    name: "a tab in YAML",
    make: async (folder) => {
      await write(folder, "listeners:\n  - name: web\n\tprotocol: TCP\n");
      return {
        finished: await weir(["check", "-c", folder.file]),
        code: 3,
        says: `${folder.file}:3:1: not valid YAML: must be indented with blanks, not with tabs`,
      };
    },
  },
  {
    name: "an unknown key",
    make: async (folder) => {
      await write(folder, { listeners: [listener(freePort(), backends([freePort()]), { idelTimeout: 60 })] });
      return {
        finished: await weir(["check", "-c", folder.file]),
        code: 3,
        says: `${await placeOf(folder, '"idelTimeout"')} listeners[0].idelTimeout: unknown key "idelTimeout" ` +
          '(did you mean "idleTimeout"?)',
      };
    },
  },
  {
    name: "a bad CIDR block",
    make: async (folder) => {
      await write(folder, { ipGroups: { office: ["10.0.0.0/33"] }, listeners: [] });
      return {
        finished: await weir(["check", "-c", folder.file]),
        code: 3,
        says: `${await placeOf(folder, '"10.0.0.0/33"')} ipGroups.office[0]: ` +
          'must be an IPv4 or IPv6 address or CIDR block such as 10.0.0.0/8, got "10.0.0.0/33"',
      };
    },
  },
  {
    name: "the admin API is not reachable",
    make: async () => {
      const url = `http://127.0.0.1:${freePort()}`;
      return {
        finished: await weir(["status", "--admin", url]),
        code: 1,
        says: `weir: Cannot reach a running Weir at ${url}: connection refused; ` +
          "is it running, and is that its admin.listen? --admin URL or WEIR_ADMIN names another address",
      };
    },
  },
];

for (
  const [token, words, fault] of [
    ["no token", [], "asks for a token"],
    ["a wrong token", ["--token", "wrong"], "does not take this token"],
  ] as const
) {
  Deno.test(`a likely mistake says what to do next: ${token}`, async () => {
    await using running = await RunningWeir.start({ admin: { token: "secret" }, listeners: [] });
    const url = `http://127.0.0.1:${running.adminPort}`;
    for (const command of ["status", "reload", "top"]) {
      const { code, stdout, stderr } = await weir([command, "--admin", url, ...words]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.equal(
        stderr,
        `weir: The Weir at ${url} ${fault}; give its admin.token with --token or WEIR_ADMIN_TOKEN\n`,
      );
    }
  });
}

for (const { name, skipped = "", make } of MISTAKES) {
  Deno.test({
    name: `a likely mistake says what to do next: ${name}${skipped}`,
    ignore: skipped !== "",
    fn: async () => {
      const path = await Deno.makeTempDir({ prefix: "weir-test-" });
      try {
        const { finished, code, says } = await make({ path, file: `${path}/weir.yaml` });
        assert.deepEqual(finished, { code, stdout: "", stderr: `${says}\n` });
      } finally {
        await Deno.remove(path, { recursive: true });
      }
    },
  });
}

Deno.test("a likely mistake says what to do next: a server that is down", async () => {
  const [port, gone] = [freePort(), freePort()];
  const config = { listeners: [listener(port, backends([gone], { healthCheck: { enabled: true } }))] };
  await using running = await RunningWeir.start(config);
  const reason = `connection to 127.0.0.1:${gone} refused; is it running on that port?`;
  // Clients that come to nothing say it sooner than probes.
  await until("it is told", async () => {
    assert.equal(await readName(port), "");
    return running.log.includes("is Abnormal");
  });
  const line = running.log.split("\n").find((one) => one.includes("is Abnormal")) ?? "";
  const { message } = JSON.parse(line) as { message: string };
  assert.match(
    message,
    new RegExp(`^Server 127\\.0\\.0\\.1:${gone} of listener "web" is Abnormal: .* failed, the last: `),
  );
  assert.ok(message.endsWith(reason), message);
  await until("weir status says it", async () => {
    const { stdout } = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
    return stdout.includes(reason);
  });
});
