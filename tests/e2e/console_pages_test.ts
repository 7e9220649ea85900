/**
 * Every page of the console in a browser, light and dark, on a desk and on a phone: nothing overflows, nothing is asked
 * of anybody else, nothing complains, and a checker of accessibility finds nothing. With WEIR_PICTURES=FOLDER the
 * pictures are left there, to be looked at.
 *
 * @module
 */

import assert from "node:assert/strict";
import axe from "axe-core";
import { Browser, type BrowserPage, DESKTOP, PHONE, type Screen } from "../support/browser.ts";
import { type Scene, startScene, untilAbnormal } from "../support/console_scene.ts";
import { peerTest } from "../support/peers.ts";

const PICTURES = Deno.env.get("WEIR_PICTURES");

const SCREENS: readonly (readonly [name: string, screen: Screen])[] = [
  ["desktop-light", DESKTOP],
  ["desktop-dark", { ...DESKTOP, scheme: "dark" }],
  ["phone-light", PHONE],
  // The same colours as on a desk and the same layout as in light: to be looked at only.
  ...(PICTURES === undefined ? [] : [["phone-dark", { ...PHONE, scheme: "dark" }] as const]),
];

/** What is done on a page before it is looked at: a form with errors, the other steps, an open menu. */
const ACTED: readonly (readonly [name: string, path: string, act: string])[] = [
  ["listeners-filtered", "/listeners?q=nothing", ""],
  ["server-menu", "/listeners/web", "document.querySelector('details.menu-button').open = true"],
  [
    "listener-errors",
    "/new/listener",
    "document.querySelector('[name=protocol]').value = 'TCP_SSL';" +
    "document.querySelector('[name=port]').value = '99999'; document.querySelector('[name=idleTimeout]').value = '5';" +
    "document.querySelector('button.primary').click()",
  ],
  [
    "listener-servers",
    "/listeners/file-transfer-passive-ports/modify",
    "document.querySelector('button[value=servers]').click()",
  ],
  [
    "listener-health",
    "/listeners/file-transfer-passive-ports/modify",
    "document.querySelector('button[value=health]').click()",
  ],
  ["listener-review", "/listeners/web-tls/modify", "document.querySelector('button[value=review]').click()"],
];

const PAGES: readonly (readonly [name: string, path: string, title: string])[] = [
  ["overview", "/", "Overview"],
  ["listeners", "/listeners", "Listeners"],
  ["listener", "/listeners/web", "web"],
  ["listener-tls", "/listeners/web-tls", "web-tls"],
  ["listener-create", "/new/listener", "Create listener: Basic configuration"],
  ["listener-modify", "/listeners/web-tls/modify", "Modify web-tls: Basic configuration"],
  ["listener-delete", "/listeners/web/delete", "Delete web"],
  ["groups", "/backend-groups", "Backend groups"],
  ["group-modify", "/backend-groups/web/modify", "Modify web"],
  ["group-bind", "/backend-groups/web/bind", "Bind servers to web"],
  ["group-delete", "/backend-groups/web/delete", "Delete web"],
  ["group", "/backend-groups/web", "web"],
  ["certificates", "/certificates", "Certificates"],
  ["certificate", "/certificates/shop", "shop"],
  ["certificate-upload", "/new/certificate", "Upload certificate"],
  ["certificate-delete", "/certificates/shop/delete", "Delete shop"],
  ["ip-groups", "/ip-groups", "IP groups"],
  ["ip-group", "/ip-groups/office", "office"],
  ["ip-group-modify", "/ip-groups/office/modify", "Modify office"],
  ["events", "/events", "Events"],
  ["config", "/config", "Configuration"],
  ["not-found", "/nothing", "Not found"],
];

/** What the page lets nobody do who cannot see or use a mouse, one line each. */
async function accessibilityFaults(page: BrowserPage): Promise<string[]> {
  // The checker is a script of its own, which the page's policy would not let in: it comes through the protocol.
  await page.value(`${axe.source}; 0`);
  return await page.value<string[]>(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + ": " + help + ": " + target.join(" ") + " " + failureSummary)))`);
}

async function checkPage(page: BrowserPage, what: string): Promise<void> {
  assert.deepEqual(await accessibilityFaults(page), [], what);
  const [inner, scroll] = await page.value<[number, number]>(
    "[document.documentElement.clientWidth, document.documentElement.scrollWidth]",
  );
  assert.ok(scroll <= inner, `${what} is ${scroll} wide on ${inner}`);
}

async function keepPicture(page: BrowserPage, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  await Deno.mkdir(PICTURES, { recursive: true });
  for (const [index, picture] of (await page.pictures()).entries()) {
    await Deno.writeFile(`${PICTURES}/${name}${index === 0 ? "" : `-${index + 1}`}.png`, picture);
  }
}

/** Gives charts something to draw, for as long as it runs. */
function keepBusy(scene: Scene): AsyncDisposable {
  let isOver = false;
  const work = (async () => {
    for (let round = 0; !isOver; round++) {
      await scene.traffic(scene.web, 20_000 + (round % 7) * 30_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 60 + (round % 5) * 40));
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      await work;
    },
  };
}

peerTest("console: every page can be used by everybody, on every screen", ["chromium"], async ({ chromium }) => {
  await using scene = await startScene();
  await using _busy = keepBusy(scene);
  await using browser = await Browser.start(chromium);
  await untilAbnormal(scene);
  if (PICTURES !== undefined) await new Promise((resolve) => setTimeout(resolve, 60_000)); // for fuller charts
  await scene.running.admin("/v1/backend-groups/mail/servers/" + `127.0.0.1:${scene.servers[2]?.port}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ drain: true }),
  });
  const page = await browser.page();
  for (const [screenName, screen] of SCREENS) {
    await page.look(screen);
    for (const [name, path, title] of PAGES) {
      await page.open(scene.url + path);
      assert.equal(await page.value("document.title"), `${title} · Weir`);
      await checkPage(page, `${name} (${screenName})`);
      await keepPicture(page, `${name}-${screenName}`);
    }
  }
  for (const [screenName, screen] of SCREENS) {
    await page.look(screen);
    for (const [name, path, act] of ACTED) {
      await page.open(scene.url + path);
      if (act.includes("click()")) await page.loading(() => page.value(`${act}; 0`));
      else await page.value(`${act}; 0`);
      await checkPage(page, `${name} (${screenName})`);
      await keepPicture(page, `${name}-${screenName}`);
    }
  }
  for (const width of [400, 600, 800, 941, 1100, 1121, 1600]) {
    await page.look({ ...DESKTOP, width });
    for (const [name, path] of PAGES) {
      await page.open(scene.url + path);
      assert.ok(await page.value<number>("document.documentElement.scrollWidth") <= width, `${name} on ${width}`);
    }
  }
  const others = page.requests.filter((url) => !url.startsWith(`${scene.url}/`) && url !== "about:blank");
  assert.deepEqual(others, []);
  // A page that is not there, and a form that was refused, are told of in the browser's console.
  assert.deepEqual(page.complaints.filter((text) => !/40[49]|422/.test(text)), []);
});

peerTest("console: the page to sign in on can be used by everybody", ["chromium"], async ({ chromium }) => {
  await using scene = await startScene({ token: "a-long-enough-token" });
  await using browser = await Browser.start(chromium);
  const page = await browser.page();
  for (const [screenName, screen] of SCREENS) {
    await page.look(screen);
    await page.open(`${scene.url}/listeners`);
    assert.equal(await page.value("document.title"), "Sign in · Weir");
    await checkPage(page, `sign-in (${screenName})`);
    await keepPicture(page, `sign-in-${screenName}`);
  }
});
