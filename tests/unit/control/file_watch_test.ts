/** Watching files: events brought together, directories that come and go, looking where watching does not work. @module */

import assert from "node:assert/strict";
import { FileWatch, POLL_SECONDS } from "../../../src/control/file_watch.ts";
import { FakeWatchSystem } from "./fake_watch_system.ts";

/** A watch over `/certs/www.pem`, and how often it has told of a change. */
function bench() {
  const system = new FakeWatchSystem();
  system.directories.set("/certs", "1");
  const told = { count: 0 };
  const watch = new FileWatch(system, system.log, () => told.count++);
  watch.follow(["/certs/www.pem"]);
  return { system, told, watch };
}

Deno.test("FileWatch tells of many events once, when it is quiet again", () => {
  const { system, told } = bench();
  for (let index = 0; index < 5; index++) {
    system.touch("/certs");
    system.clock.advance(100);
  }
  assert.equal(told.count, 0);
  system.clock.advance(300);
  assert.equal(told.count, 1);
  system.clock.advance(60_000);
  assert.equal(told.count, 1);
  assert.equal(system.clock.timers, 0);
});

Deno.test("FileWatch does not wait for the end of events that have no end", () => {
  const { system, told } = bench();
  for (let index = 0; index < 100; index++) {
    system.touch("/certs");
    system.clock.advance(100);
  }
  assert.ok(told.count >= 9 && told.count <= 12, `${told.count} times in 10 s`);
});

Deno.test("FileWatch follows links that are swapped", () => {
  const { system, told, watch } = bench();
  system.directories.set("/tls", "2").set("/tls/..1", "3").set("/tls/..2", "4");
  system.links.set("/tls/tls.crt", "..data/tls.crt").set("/tls/..data", "..1");
  watch.follow(["/tls/tls.crt"]);
  assert.deepEqual(system.watched, ["/tls", "/tls/..1"]);
  system.links.set("/tls/..data", "..2");
  system.directories.delete("/tls/..1");
  system.touch("/tls");
  system.clock.advance(300);
  assert.deepEqual([told.count, system.watched], [1, ["/tls", "/tls/..2"]]);
  assert.equal(system.watchers.size, 1, "the old one is closed");
  assert.deepEqual(system.logged, []);
});

Deno.test("FileWatch watches a directory anew that is another one of the same name", () => {
  const { system, told } = bench();
  const before = [...system.watchers];
  system.touch("/certs"); // as when it is removed
  system.directories.set("/certs", "9");
  system.clock.advance(300);
  assert.notDeepEqual([...system.watchers], before);
  system.touch("/certs");
  system.clock.advance(300);
  assert.equal(told.count, 2);
});

Deno.test("FileWatch warns once of a directory that has gone, looks for it, and watches again", () => {
  const { system, told } = bench();
  system.touch("/certs");
  system.directories.delete("/certs");
  system.clock.advance(300);
  assert.deepEqual(system.logged, [
    'warn Changed certificate files are looked for every 10 s only, because "/certs" is not there',
  ]);
  told.count = 0;
  system.clock.advance(3 * POLL_SECONDS * 1000);
  assert.deepEqual([told.count, system.logged.length], [3, 1]);
  system.directories.set("/certs", "2");
  system.clock.advance(POLL_SECONDS * 1000);
  assert.deepEqual([told.count, system.watched, system.clock.timers], [4, ["/certs"], 0]);
  system.touch("/certs");
  system.clock.advance(300);
  assert.equal(told.count, 5);
});

Deno.test("FileWatch watches what it can and looks for the rest", () => {
  const { system, told, watch } = bench();
  system.directories.set("/more", "2");
  system.unwatchable.set("/more", "no space left on device");
  watch.follow(["/certs/www.pem", "/more/api.pem"]);
  assert.deepEqual(system.watched, ["/certs"]);
  assert.match(system.logged[0] ?? "", /because "\/more" cannot be watched \(no space left on device\)$/);
  system.touch("/certs");
  system.clock.advance(300);
  assert.equal(told.count, 1);
  system.clock.advance(POLL_SECONDS * 1000);
  assert.deepEqual([told.count, system.logged.length], [2, 1]);
  system.unwatchable.clear();
  system.clock.advance(POLL_SECONDS * 1000);
  assert.deepEqual([system.watched, system.clock.timers, system.watchers.size], [["/certs", "/more"], 0, 1]);
});

Deno.test("FileWatch looks when watching breaks off by itself, and watches again", () => {
  const { system, told } = bench();
  system.breakOff("too many events");
  assert.match(system.logged[0] ?? "", /because too many events$/);
  system.clock.advance(POLL_SECONDS * 1000);
  assert.deepEqual([told.count, system.watched, system.clock.timers], [1, ["/certs"], 0]);
});

Deno.test("FileWatch leaves nothing behind when it is closed", () => {
  for (const gone of [false, true]) {
    const { system, told, watch } = bench();
    system.touch("/certs");
    if (gone) {
      system.directories.clear();
      system.clock.advance(300);
    }
    told.count = 0;
    watch.close();
    assert.deepEqual([system.watchers.size, system.clock.timers], [0, 0]);
    system.clock.advance(60_000);
    assert.equal(told.count, 0);
  }
});
