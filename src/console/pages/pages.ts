/**
 * Which page is at which address.
 *
 * @module
 */

import type { ConfigEditor } from "../../control/config_editor.ts";
import { openBindForm, openUnbindForm } from "../actions/binding.ts";
import { openDeleteForm } from "../actions/deleting.ts";
import { openGroupForm } from "../actions/groups.ts";
import { openIpGroupForm } from "../actions/ip_groups.ts";
import { openListenerForm } from "../actions/listeners.ts";
import type { Page, PageContext } from "../page.ts";
import { certificatePage, certificatesPage } from "./certificates.tsx";
import { certificateDeletePage, certificateUploadPage } from "./certificate_forms.tsx";
import { configPage } from "./config.tsx";
import { eventsPage } from "./events.tsx";
import { groupPage, groupsPage } from "./groups.tsx";
import { ipGroupPage, ipGroupsPage } from "./ip_groups.tsx";
import { listenerPage } from "./listener.tsx";
import { listenersPage } from "./listeners.tsx";
import { overviewPage } from "./overview.tsx";

/** A page, by what its address says. */
type MakePage = (context: PageContext, name: string, editor: ConfigEditor) => Page;

const PAGES: Readonly<Record<string, MakePage>> = {
  "/": overviewPage,
  "/listeners": listenersPage,
  "/listeners/*": listenerPage,
  "/listeners/*/modify": (context, name, editor) => openListenerForm(context, editor, name),
  "/listeners/*/delete": (context, name, editor) => openDeleteForm(context, editor, { kind: "listener", name }),
  "/listeners/*/bind": (context, name, editor) => openBindForm(context, editor, { kind: "listener", name }),
  "/listeners/*/unbind": (context, name, editor) => openUnbindForm(context, editor, { kind: "listener", name }),
  "/new/listener": (context, _, editor) => openListenerForm(context, editor, undefined),
  "/backend-groups": groupsPage,
  "/backend-groups/*": groupPage,
  "/backend-groups/*/modify": (context, name, editor) => openGroupForm(context, editor, name),
  "/backend-groups/*/delete": (context, name, editor) =>
    openDeleteForm(context, editor, { kind: "backendGroup", name }),
  "/backend-groups/*/bind": (context, name, editor) => openBindForm(context, editor, { kind: "group", name }),
  "/backend-groups/*/unbind": (context, name, editor) => openUnbindForm(context, editor, { kind: "group", name }),
  "/new/backend-group": (context, _, editor) => openGroupForm(context, editor, undefined),
  "/certificates": certificatesPage,
  "/certificates/*": (context, name) => certificatePage(context, "certificate", name),
  "/certificates/*/renew": (context, name) => certificateUploadPage(context, { kind: "certificate", name }),
  "/certificates/*/delete": (context, name) => certificateDeletePage(context, { kind: "certificate", name }),
  "/client-cas/*": (context, name) => certificatePage(context, "clientCA", name),
  "/client-cas/*/renew": (context, name) => certificateUploadPage(context, { kind: "clientCA", name }),
  "/client-cas/*/delete": (context, name) => certificateDeletePage(context, { kind: "clientCA", name }),
  "/new/certificate": (context) => certificateUploadPage(context, { kind: "certificate", name: undefined }),
  "/new/client-ca": (context) => certificateUploadPage(context, { kind: "clientCA", name: undefined }),
  "/ip-groups": ipGroupsPage,
  "/ip-groups/*": ipGroupPage,
  "/ip-groups/*/modify": (context, name, editor) => openIpGroupForm(context, editor, name),
  "/ip-groups/*/delete": (context, name, editor) => openDeleteForm(context, editor, { kind: "ipGroup", name }),
  "/new/ip-group": (context, _, editor) => openIpGroupForm(context, editor, undefined),
  "/events": eventsPage,
  "/config": configPage,
};

/** A page that is there to be made. */
export interface FoundPage {
  readonly query: Readonly<Record<string, string>>;
  /** Makes it. Throws the 404 answer when what it is about is not there. */
  readonly make: (context: PageContext, editor: ConfigEditor) => Page;
}

/** The page at an address, with or without a query; `undefined` when there is none. */
export function pageAt(address: string): FoundPage | undefined {
  const url = URL.parse(address, "http://weir");
  if (url === null) return undefined;
  const query = Object.fromEntries(url.searchParams);
  const parts = url.pathname.split("/");
  for (const [pattern, make] of Object.entries(PAGES)) {
    const wanted = pattern.split("/");
    if (wanted.length !== parts.length || !wanted.every((part, at) => part === "*" || part === parts[at])) continue;
    const at = wanted.indexOf("*");
    const name = at < 0 ? "" : decoded(parts[at] ?? "");
    return name === undefined ? undefined : { query, make: (context, editor) => make(context, name, editor) };
  }
  return undefined;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
