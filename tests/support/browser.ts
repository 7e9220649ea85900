/**
 * Chromium without a window, told what to do over its DevTools protocol: a small client of our own.
 *
 * @module
 */

import { until } from "./wait.ts";

/** How a page is looked at. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scheme: "light" | "dark";
}

/** A screen on a desk. */
export const DESKTOP: Screen = { width: 1280, height: 900, scheme: "light" };

/** A small phone. */
export const PHONE: Screen = { width: 360, height: 760, scheme: "light" };

type Params = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: Params;
  readonly error?: { readonly message: string };
  readonly sessionId?: string;
}

/** A browser with a fresh profile. */
export class Browser implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #listeners = new Map<string, (method: string, params: Params) => void>();
  #lastId = 0;

  private constructor(process: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)) as Message);
  }

  /** Starts one. @param program where it is */
  static async start(program: string): Promise<Browser> {
    const profile = await Deno.makeTempDir({ prefix: "weir-browser-" });
    const process = new Deno.Command(program, {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const url = await until("the browser says where it listens", async () => {
        const text = await Deno.readTextFile(`${profile}/DevToolsActivePort`).catch(() => "");
        const [port, path] = text.split("\n");
        return port !== undefined && path !== undefined && `ws://127.0.0.1:${port}${path}`;
      }, 60);
      const socket = new WebSocket(url);
      await new Promise<void>((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = () => reject(new Error("The browser refused the connection"));
      });
      return new Browser(process, profile, socket);
    } catch (error) {
      process.kill("SIGKILL");
      await process.status;
      await Deno.remove(profile, { recursive: true });
      throw error;
    }
  }

  /** Opens an empty page. */
  async page(screen: Screen = DESKTOP): Promise<BrowserPage> {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new BrowserPage(this, String(sessionId));
    this.#listeners.set(String(sessionId), (method, params) => page.take(method, params));
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    // So that fields get the focus as in a window in front.
    await page.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    await page.look(screen);
    return page;
  }

  /** Tells the browser, or one of its pages, to do something. */
  async send(method: string, params?: Params, sessionId?: string): Promise<Params> {
    const id = ++this.#lastId;
    const message = await new Promise<Message>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(
        JSON.stringify({
          id,
          method,
          ...(params === undefined ? {} : { params }),
          ...(sessionId === undefined ? {} : { sessionId }),
        }),
      );
    });
    if (message.error !== undefined) throw new Error(`${method}: ${message.error.message}`);
    return message.result ?? {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.onclose = () => resolve());
    // It ends its own helpers then, which a signal to it alone would not.
    this.#socket.send(JSON.stringify({ id: ++this.#lastId, method: "Browser.close" }));
    await closed;
    await this.#process.status;
    await until(
      "the profile can be removed",
      () => Deno.remove(this.#profile, { recursive: true }).then(() => true, () => false),
    );
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    } else if (message.method !== undefined) {
      this.#listeners.get(message.sessionId ?? "")?.(message.method, message.params ?? {});
    }
  }
}

/** Keys that are more than a character: their code and number. */
const KEYS: Readonly<Record<string, readonly [code: string, number: number, text?: string]>> = {
  Tab: ["Tab", 9],
  Enter: ["Enter", 13, "\r"],
  Escape: ["Escape", 27],
  " ": ["Space", 32, " "],
  ArrowDown: ["ArrowDown", 40],
  ArrowUp: ["ArrowUp", 38],
};

/** A page of its own, with cookies of its own. */
export class BrowserPage {
  /** Errors of scripts, of the console and of the page's policy. */
  readonly complaints: string[] = [];
  /** The addresses of all requests. */
  readonly requests: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;

  /** @param session the page's name in the protocol */
  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  /** Tells the page to do something. */
  send(method: string, params: Params = {}): Promise<Params> {
    return this.#browser.send(method, params, this.#session);
  }

  /** Takes what the page says. */
  take(method: string, params: Params): void {
    const text = JSON.stringify(params);
    if (method === "Network.requestWillBeSent") {
      this.requests.push(String((params["request"] as Params)["url"]));
    } else if (method === "Runtime.exceptionThrown") this.complaints.push(text);
    else if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(String(params["type"]))) {
      this.complaints.push(text);
    } else if (
      method === "Log.entryAdded" && ["error", "warning"].includes(String((params["entry"] as Params)["level"]))
    ) {
      this.complaints.push(text);
    }
  }

  /** Shows the page on a screen. */
  async look({ width, height, scheme }: Screen): Promise<void> {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  }

  /** Opens an address and waits until it is loaded. */
  async open(url: string): Promise<void> {
    await this.loading(() => this.send("Page.navigate", { url }));
  }

  /** Does something that loads a page, and waits until it is loaded. */
  async loading(act: () => Promise<unknown>): Promise<void> {
    // What a page's script has set is gone in the next page.
    await this.value("window.isOldPage = true");
    await act();
    await this.until("the page is loaded", "window.isOldPage === undefined && document.readyState === 'complete'");
  }

  /** The value of an expression in the page; plain data. */
  async value<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as Params)["value"] as Value;
  }

  /** The text of the first element that a selector finds; `undefined` when there is none. */
  async text(selector: string): Promise<string | undefined> {
    const text = await this.value<string | null>(
      `document.querySelector(${JSON.stringify(selector)})?.textContent ?? null`,
    );
    return text?.replaceAll(/\s+/g, " ").trim();
  }

  /** Waits until an expression in the page is true. */
  async until(what: string, expression: string, seconds = 60): Promise<void> {
    // While a page is replaced by another one there is nothing to ask.
    await until(what, () => this.value<boolean>(expression).catch(() => false), seconds);
  }

  /** Presses a key, and lets go of it. */
  async press(key: string, { shift = false }: { readonly shift?: boolean } = {}): Promise<void> {
    const [code, number, text] = KEYS[key] ?? [key, key.charCodeAt(0), key];
    const common = { key, code, windowsVirtualKeyCode: number, modifiers: shift ? 8 : 0 };
    await this.send("Input.dispatchKeyEvent", {
      ...common,
      type: text === undefined ? "rawKeyDown" : "keyDown",
      ...(text === undefined ? {} : { text }),
    });
    await this.send("Input.dispatchKeyEvent", { ...common, type: "keyUp" });
  }

  /** Types into what has the focus, in place of what is there. */
  async type(text: string): Promise<void> {
    await this.value("document.activeElement.select?.()");
    await this.send("Input.insertText", { text });
  }

  /** Goes from field to field with the Tab key until one that a selector finds has the focus. */
  async tabTo(selector: string, most = 120): Promise<void> {
    for (let presses = 0; presses < most; presses++) {
      if (await this.value<boolean>(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
      await this.press("Tab");
    }
    throw new Error(`The Tab key never came to ${selector} on ${await this.value("location.href")}`);
  }

  /** Pictures of the whole page from top to bottom, PNG, each of a height that people can look at. */
  async pictures(most = 1500): Promise<Uint8Array[]> {
    const [width, height] = await this.value<[number, number]>(
      "[document.documentElement.clientWidth, document.documentElement.scrollHeight]",
    );
    const pictures: Uint8Array[] = [];
    for (let y = 0; y < height; y += most) {
      const { data } = await this.send("Page.captureScreenshot", {
        format: "png",
        captureBeyondViewport: true,
        clip: { x: 0, y, width, height: Math.min(most, height - y), scale: 1 },
      });
      pictures.push(Uint8Array.from(atob(String(data)), (character) => character.charCodeAt(0)));
    }
    return pictures;
  }
}
