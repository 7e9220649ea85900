/** In which directories links and files can be changed. @module */

import assert from "node:assert/strict";
import { linkDirectories } from "../../../src/control/link_directories.ts";

const LAYOUTS: readonly (readonly [what: string, path: string, links: Record<string, string>, expected: string[]])[] = [
  ["a plain file", "/etc/weir/www.pem", {}, ["/etc/weir"]],
  ["a file at the top", "/www.pem", {}, ["/"]],
  [
    "a Kubernetes secret",
    "/tls/tls.crt",
    { "/tls/tls.crt": "..data/tls.crt", "/tls/..data": "..2026_11_20" },
    ["/tls", "/tls/..2026_11_20"],
  ],
  [
    "certbot's live directory",
    "/le/live/www/fullchain.pem",
    { "/le/live/www/fullchain.pem": "../../archive/www/fullchain1.pem" },
    ["/le/live/www", "/le/archive/www"],
  ],
  ["a link to a whole directory", "/certs/now/www.pem", { "/certs/now": "2026" }, ["/certs", "/certs/2026"]],
  ["an absolute link", "/certs/www.pem", { "/certs/www.pem": "/srv/www.pem" }, ["/certs", "/srv"]],
  [
    "links to links",
    "/a/x",
    { "/a/x": "/b/y", "/b/y": "z", "/b/z": "../c/w" },
    ["/a", "/b", "/c"],
  ],
  ["a link that leads nowhere", "/a/x", { "/a/x": "gone/y" }, ["/a", "/a/gone"]],
];

for (const [what, path, links, expected] of LAYOUTS) {
  Deno.test(`linkDirectories() of ${what}`, () => {
    assert.deepEqual([...linkDirectories(path, (link) => links[link])], expected);
  });
}

Deno.test("linkDirectories() ends at links that go round in circles", () => {
  const links: Record<string, string> = { "/a/x": "../b/y", "/b/y": "../a/x" };
  assert.deepEqual([...linkDirectories("/a/x", (link) => links[link])].toSorted(), ["/a", "/b"]);
});
