/** A Chromium driven by Debian's chromedriver through plain WebDriver (https://www.w3.org/TR/webdriver2/). */

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstLine, until } from "./wait.mjs";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** Keys as WebDriver writes them. */
export const KEYS = {
  Tab: "\ue004",
  Enter: "\ue007",
  Escape: "\ue00c",
  Space: " ",
  End: "\ue010",
  Home: "\ue011",
  Left: "\ue012",
  Right: "\ue014",
  Shift: "\ue008",
};

export class Driver {
  static async start() {
    const driver = new Driver();
    driver.process = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await firstLine(driver.process, /started successfully on port (\d+)/);
    driver.base = `http://127.0.0.1:${port}`;
    return driver;
  }

  /** A browser that asks for pages in the language. */
  async open(language) {
    const folder = await mkdtemp(join(tmpdir(), "maskcount-browser-"));
    const downloads = join(folder, "downloads");
    const args = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--user-data-dir=${join(folder, "profile")}`,
      `--lang=${language}`,
      `--accept-lang=${language}`,
    ];
    const capabilities = {
      alwaysMatch: {
        "goog:loggingPrefs": { browser: "ALL", performance: "ALL" },
        "goog:chromeOptions": {
          args,
          prefs: { "download.default_directory": downloads, "intl.accept_languages": language },
        },
      },
    };
    const { sessionId } = await this.call("POST", "/session", { capabilities });
    return new Browser(this, `/session/${sessionId}`, folder, downloads);
  }

  async call(method, path, body) {
    const answer = await fetch(this.base + path, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  stop() {
    this.process.kill();
  }
}

export class Browser {
  constructor(driver, session, folder, downloads) {
    Object.assign(this, { driver, session, folder, downloads });
  }

  post(path, body = {}) {
    return this.driver.call("POST", this.session + path, body);
  }

  get(path) {
    return this.driver.call("GET", this.session + path);
  }

  go(url) {
    return this.post("/url", { url });
  }

  /** The value of a function's body run in the page; promises are waited for. */
  run(script, ...args) {
    return this.post("/execute/sync", { script, args });
  }

  /** Waits until the expression is true in the page, and gives its value. */
  until(expression, ...args) {
    return until(() => this.run(`return ${expression}`, ...args), expression);
  }

  async click(selector) {
    const element = await this.post("/element", { using: "css selector", value: selector });
    await this.post(`/element/${element[ELEMENT]}/click`);
  }

  /** Presses keys one after the other; with Shift held if asked. */
  async press(keys, { shift = false } = {}) {
    const actions = keys.flatMap(value => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    if (shift) actions.unshift({ type: "keyDown", value: KEYS.Shift });
    if (shift) actions.push({ type: "keyUp", value: KEYS.Shift });
    await this.post("/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** A command of Chromium's own protocol (https://chromedevtools.github.io/devtools-protocol/). */
  cdp(cmd, params) {
    return this.post("/goog/cdp/execute", { cmd, params });
  }

  size(width, height) {
    const device = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    return this.cdp("Emulation.setDeviceMetricsOverride", device);
  }

  async screenshot() {
    return Buffer.from(await this.get("/screenshot"), "base64");
  }

  async pdf() {
    return Buffer.from(await this.post("/print", { background: true, page: { width: 21, height: 29.7 } }), "base64");
  }

  /** Messages of the console since the last call: warnings and errors. */
  async complaints() {
    const entries = await this.post("/se/log", { type: "browser" });
    return entries.filter(e => e.level === "SEVERE" || e.level === "WARNING").map(e => e.message);
  }

  /** Addresses that the page has asked for since the last call. */
  async requests() {
    const entries = await this.post("/se/log", { type: "performance" });
    const messages = entries.map(e => JSON.parse(e.message).message);
    return messages.filter(m => m.method === "Network.requestWillBeSent").map(m => m.params.request.url);
  }

  async close() {
    await this.driver.call("DELETE", this.session);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}
