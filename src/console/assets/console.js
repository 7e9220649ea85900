// @ts-check
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/*
 * Makes pages move. Everything works without it; with it the texts that change come by themselves, and the parts of the
 * page that look otherwise are fetched again.
 */

/** Seconds that a message stays. */
const TOAST_SECONDS = 12;
const MOST_TOASTS = 4;

/** @param {Document | Element} within */
function liveElements(within) {
  /** @type {Map<string, Element[]>} */
  const found = new Map();
  for (const element of within.querySelectorAll("[data-live]")) {
    const name = element.getAttribute("data-live") ?? "";
    found.set(name, [...(found.get(name) ?? []), element]);
  }
  return found;
}

/** @param {Record<string, string>} texts */
function show(texts) {
  const elements = liveElements(document);
  for (const [name, text] of Object.entries(texts)) {
    for (const element of elements.get(name) ?? []) {
      const attribute = element.getAttribute("data-live-attribute");
      if (attribute !== null) element.setAttribute(attribute, text);
      else if (element.textContent !== text) element.textContent = text;
    }
    if (name.endsWith(".tone")) {
      for (const element of elements.get(name.slice(0, -".tone".length)) ?? []) element.setAttribute("data-tone", text);
    }
  }
}

/** Whether somebody is typing: nothing may be taken from under the hands. */
function isBusy() {
  const fields = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#content input"));
  const isTyped = [...fields].some((field) => field.type !== "hidden" && field.value !== field.defaultValue);
  return isTyped || document.querySelector("#content details[open]") !== null;
}

/** Where the focus is, so that it can be put back. @param {Element | null} element */
function pathOf(element) {
  const content = document.getElementById("content");
  /** @type {number[]} */
  const path = [];
  for (let one = element; one !== null && one !== content; one = one.parentElement) {
    const siblings = one.parentElement?.children ?? [];
    path.unshift([...siblings].indexOf(one));
  }
  return content?.contains(element) === true ? path : undefined;
}

/** Puts the page as it is now in the place of what is shown. @returns {Promise<boolean>} whether it did */
async function refresh() {
  const response = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
  if (!response.ok) {
    location.reload();
    return false;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const [content, next] = [document.getElementById("content"), fresh.getElementById("content")];
  const shape = fresh.body.getAttribute("data-page-live");
  if (content === null || next === null || shape === null) {
    location.reload();
    return false;
  }
  if (isBusy()) return false;
  const path = pathOf(document.activeElement);
  content.replaceChildren(...next.childNodes);
  document.title = fresh.title;
  document.body.setAttribute("data-page-live", shape);
  if (path !== undefined) {
    /** @type {Element | undefined} */
    let element = content;
    for (const index of path) element = element?.children[index];
    if (element instanceof HTMLElement) element.focus({ preventScroll: true });
  }
  localTimes();
  return true;
}

/** @param {"on" | "off" | "waiting"} state, @param {string} text */
function liveness(state, text) {
  const sign = document.querySelector(".liveness");
  if (sign === null || sign.textContent === text) return;
  sign.setAttribute("data-liveness", state);
  sign.textContent = text;
}

/** @param {{ severity: string, message: string }[]} news */
function tell(news) {
  const list = document.querySelector(".toasts");
  for (const { severity, message } of news) {
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.setAttribute("data-severity", severity);
    const word = document.createElement("strong");
    word.textContent = `${severity.charAt(0).toUpperCase()}${severity.slice(1)}: `;
    toast.append(word, message);
    list?.append(toast);
    setTimeout(() => toast.remove(), TOAST_SECONDS * 1000);
  }
  while ((list?.children.length ?? 0) > MOST_TOASTS) list?.firstElementChild?.remove();
}

/** @type {EventSource | undefined} */
let source;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let later;

/** Ends what is under way. */
function rest() {
  source?.close();
  source = undefined;
  clearTimeout(later);
}

function follow() {
  rest();
  const shape = document.body.getAttribute("data-page-live");
  // Browsers open few connections to one address: pages that nobody looks at take none.
  if (shape === null || document.hidden) return;
  const path = location.pathname + location.search;
  const stream = new EventSource(`/live?${new URLSearchParams({ path, shape })}`);
  source = stream;
  stream.onopen = () => liveness("on", "Live");
  stream.onmessage = ({ data }) => show(JSON.parse(data));
  stream.addEventListener("news", ({ data }) => tell(JSON.parse(data)));
  stream.addEventListener("signed-out", () => {
    rest();
    location.reload();
  });
  stream.addEventListener("stale", () => {
    rest();
    void goOn();
  });
  stream.onerror = () => {
    liveness("waiting", "Not live, trying again");
    if (stream.readyState !== EventSource.CLOSED) return;
    // Refused: as many pages as may be are live, or the session is over.
    later = setTimeout(goOn, 10_000);
  };
}

/** Fetches the page again, as soon as nobody is typing. */
async function goOn() {
  try {
    if (await refresh()) return follow();
    liveness("waiting", "Something has changed; it is shown when you are done here");
  } catch {
    liveness("waiting", "Not live, trying again");
  }
  later = setTimeout(goOn, 3000);
}

/** The moment in the time of the place, for who points at it. */
function localTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) {
    const at = new Date(element.getAttribute("datetime") ?? "");
    if (!Number.isNaN(at.getTime())) element.setAttribute("title", at.toLocaleString());
  }
}

/** Menus close when somebody clicks elsewhere, or on Escape. */
function closeMenus() {
  const menus = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu-button"));
  document.addEventListener("click", ({ target }) => {
    for (const menu of menus()) if (!(target instanceof Node && menu.contains(target))) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of menus()) {
      if (!menu.open) continue;
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}

/** A note, or what is wrong with a form, is what people should read first. */
function focusNote() {
  const first = document.querySelector(".note[data-kind=error], [aria-invalid=true]");
  if (first instanceof HTMLElement) first.focus();
}

/** The note belongs to this one visit: the address goes back to what it was. */
function forgetNote() {
  const url = new URL(location.href);
  if (!url.searchParams.has("note")) return;
  url.searchParams.delete("note");
  history.replaceState(null, "", url);
}

/** Parts of a form that matter only while a field has a value. Without script they are always there. */
function showParts() {
  for (const part of document.querySelectorAll("[data-when]")) {
    const [name, value] = (part.getAttribute("data-when") ?? "").split("=");
    const field = document.querySelector(`select[name="${name}"]`);
    if (!(field instanceof HTMLSelectElement) || !(part instanceof HTMLElement)) continue;
    const update = () => part.hidden = field.value !== value;
    field.addEventListener("change", update);
    update();
  }
}

forgetNote();
localTimes();
showParts();
closeMenus();
focusNote();
follow();
document.addEventListener("visibilitychange", () => document.hidden ? rest() : follow());
addEventListener("pagehide", rest);
// Back from the browser's memory, a page has no stream any more.
addEventListener("pageshow", () => source === undefined && follow());
