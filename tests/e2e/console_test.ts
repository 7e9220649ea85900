/** The console as somebody uses it who has a keyboard and no mouse. @module */

import assert from "node:assert/strict";
import { Browser, type BrowserPage, DESKTOP, PHONE } from "../support/browser.ts";
import { QUICK_CHECKS } from "../support/configs.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const TOKEN = "an-admin-token-for-a-test";

/** Types into fields by their names, with the Tab key from one to the next. */
async function fill(page: BrowserPage, fields: readonly (readonly [name: string, text: string])[]): Promise<void> {
  for (const [name, text] of fields) {
    await page.tabTo(`[name="${name}"]:not([type=hidden])`);
    if (await page.value<boolean>("document.activeElement instanceof HTMLSelectElement")) await choose(page, text);
    else await page.type(text);
  }
}

/** Chooses a value of a list with the arrow keys. */
async function choose(page: BrowserPage, value: string): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    if (await page.value("document.activeElement.value") === value) return;
    await page.press("ArrowDown");
  }
  throw new Error(`There is no ${value} to choose`);
}

/** Presses a button that the Tab key comes to, and waits for the page that follows. */
async function push(page: BrowserPage, selector: string): Promise<void> {
  await page.tabTo(selector);
  await page.loading(() => page.press("Enter"));
}

/** The text of the row of a server. */
const rowOf = (server: string) =>
  `[...document.querySelectorAll("#servers tbody tr")].find((row) => row.textContent.includes(${
    JSON.stringify(server)
  }))`;

peerTest(
  "console: from signing in to deleting a listener, with the keyboard alone",
  ["chromium"],
  async ({ chromium }) => {
    await using one = nameServer("one");
    await using two = nameServer("two");
    const [first, port] = [freePort(), freePort()];
    await using running = await RunningWeir.start({
      admin: { token: TOKEN, persist: true },
      listeners: [{
        ...{ name: "first", protocol: "TCP", address: "127.0.0.1", port: first },
        backends: { servers: [{ address: "127.0.0.1", port: one.port }] },
      }],
    });
    const url = `http://127.0.0.1:${running.adminPort}`;
    await using browser = await Browser.start(chromium);
    const page = await browser.page(DESKTOP);

    // Nothing without the token; and not in the address.
    await page.open(`${url}/listeners`);
    assert.equal(await page.text("h1"), "Sign in");
    await page.type("wrong");
    await page.loading(() => page.press("Enter"));
    assert.match(await page.text("#token-error") ?? "", /The token is wrong/);
    await page.type(TOKEN);
    await page.loading(() => page.press("Enter"));
    assert.equal(await page.text("h1"), "Listeners");
    assert.equal(await page.value("document.cookie"), "", "no script can read the cookie");

    // The first Tab leads to the link that skips the menu.
    await page.press("Tab");
    assert.equal(await page.text(":focus"), "Skip to the content");
    await push(page, "a[href='/new/listener']");
    await fill(page, [["name", "shop"], ["protocol", "TCP"], ["port", String(port)], ["description", "<b>Shop</b>"]]);
    await push(page, "button.primary");
    await fill(page, [["backends.healthCheck.interval", "5"], ["backends.healthCheck.unhealthyThreshold", "2"]]);
    await push(page, "button.primary");
    await fill(page, [
      ...[["backends.servers.0.address", "127.0.0.1"], ["backends.servers.0.port", String(one.port)]] as const,
      ...[["backends.servers.1.address", "127.0.0.1"], ["backends.servers.1.port", "many"]] as const,
    ]);
    await push(page, "button.primary");
    assert.match(await page.text("#f-backends_servers_1_port-error") ?? "", /got "many"/);
    await fill(page, [["backends.servers.1.port", String(two.port)]]);
    await push(page, "button.primary");
    assert.match(await page.text("pre") ?? "", /name: shop/);
    await push(page, "button.primary");
    assert.equal(await page.text("h1"), "shop");
    assert.match(await page.text(".note") ?? "", /Listener shop was created \(saved to the configuration file\)/);
    assert.match(await Deno.readTextFile(running.file), /"shop"/);
    assert.equal(await page.value("document.querySelector('.lead b')"), null, "text is text");

    // What moves does so by itself.
    await page.until("the page is live", "document.querySelector('.liveness').textContent === 'Live'");
    await page.until(
      "both servers are Healthy",
      "document.querySelectorAll('#servers [data-tone=good]').length === 2",
    );
    for (let turn = 0; turn < 10; turn++) assert.match(await readName(port), /one|two/);
    await page.until("connections are counted", "document.querySelector('[data-live=total]').textContent === '10'");
    await page.until(
      "the rate was above none",
      "document.querySelector('[data-live=\"c.new.0.line\"]').getAttribute('d').includes('L')",
    );

    // A server that goes is seen, told of, and why.
    await two[Symbol.asyncDispose]();
    const gone = `127.0.0.1:${two.port}`;
    await page.until("the dead server is Abnormal", `${rowOf(gone)}.textContent.includes("Abnormal")`);
    // This goes by itself, after a while.
    await page.until("it is told", "document.querySelector('.toasts').textContent.includes('Abnormal')");
    await page.until("and why", `/refused|failed/.test(${rowOf(gone)}.textContent)`);

    // Draining, from the menu of the row.
    await page.value(`${rowOf(`127.0.0.1:${one.port}`)}.querySelector("summary").focus(); 0`);
    await page.press("Enter");
    await page.press("Tab");
    await page.loading(() => page.press("Enter"));
    assert.match(await page.text(".note") ?? "", /is drained/);
    await page.until("the row says so", `${rowOf(`127.0.0.1:${one.port}`)}.textContent.includes("Draining")`);

    // Deleting.
    await push(page, ".actions a.danger");
    await push(page, "button.danger");
    assert.match(await page.text(".note") ?? "", /Listener shop was deleted/);
    await until(
      "the port is free",
      () => Deno.connect({ port }).then((connection) => (connection.close(), false), () => true),
    );
    assert.doesNotMatch(await Deno.readTextFile(running.file), /"shop"/);

    // Small screens, and the end.
    await page.look(PHONE);
    assert.equal(await page.value("document.documentElement.scrollWidth"), PHONE.width);
    await page.value("document.activeElement.blur()");
    await push(page, ".sign-out button");
    await page.open(`${url}/`);
    assert.equal(await page.text("h1"), "Sign in");

    assert.deepEqual(
      page.requests.filter((request) => !request.startsWith(`${url}/`) && request !== "about:blank"),
      [],
    );
    assert.deepEqual(page.requests.filter((request) => request.includes(TOKEN)), []);
    // The wrong token and the wrong port were refused, which the browser tells of.
    assert.deepEqual(page.complaints.filter((text) => !/40[19]|422/.test(text)), []);
  },
);

peerTest(
  "console: a page that is edited keeps what is typed when everything changes around it",
  ["chromium"],
  async ({ chromium }) => {
    await using one = nameServer("one");
    const listener = (name: string) => ({
      ...{ name, protocol: "TCP", address: "127.0.0.1", port: freePort() },
      backends: { servers: [{ address: "127.0.0.1", port: one.port }], healthCheck: QUICK_CHECKS },
    });
    const first = listener("first");
    await using running = await RunningWeir.start({ listeners: [first] });
    const url = `http://127.0.0.1:${running.adminPort}`;
    await using browser = await Browser.start(chromium);
    const page = await browser.page(DESKTOP);
    await page.open(`${url}/listeners`);
    await page.until("the page is live", "document.querySelector('.liveness').textContent === 'Live'");
    await page.tabTo("[name=q]");
    await page.type("fir");
    await running.reload({ listeners: [first, listener("another")] });
    await page.until("it says so", "document.querySelector('.liveness').textContent.includes('Something has changed')");
    assert.equal(await page.value("document.activeElement.value"), "fir");
    assert.doesNotMatch(await page.text("#content") ?? "", /another/);
    await page.type("");
    await page.until("it is shown after that", "document.getElementById('content').textContent.includes('another')");
    assert.equal(await page.value("document.activeElement.name"), "q", "the focus stays where it was");
    assert.deepEqual(page.complaints, []);
  },
);
