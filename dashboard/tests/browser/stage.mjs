/** A server on a folder of records, and a browser to look at its page. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "./records.mjs";
import { firstLine } from "./wait.mjs";
import { Driver } from "./webdriver.mjs";

export const ZONE = "Europe/Paris";

const BINARY = process.env.MASKCOUNT_DASHBOARD ?? new URL("../../../target/release/maskcount-dashboard", import.meta.url).pathname;

/** The civil day in the server's zone, so many days from today. */
export function day(from = 0) {
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE }).format(new Date());
  return new Date(Date.parse(today) + from * 86_400_000).toISOString().slice(0, 10);
}

/** The instant of a time of the clock in the server's zone, in seconds. */
export function at(date, hour, minute = 0) {
  const guess = Date.parse(`${date}T00:00:00Z`) / 1000 + hour * 3600 + minute * 60;
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone: ZONE, dateStyle: "short", timeStyle: "medium" }).format(guess * 1000);
  return guess - (Date.parse(`${shown.replace(" ", "T")}Z`) / 1000 - guess);
}

export class Stage {
  static async open(records) {
    const stage = new Stage();
    stage.browsers = {};
    stage.scratch = await mkdtemp(join(tmpdir(), "maskcount-stage-"));
    stage.folder = join(stage.scratch, "stats");
    await mkdir(stage.folder);
    for (const record of records) await write(stage.folder, record);
    await stage.serve(0);
    stage.driver = await Driver.start();
    return stage;
  }

  async serve(port) {
    const args = ["serve", this.folder, "--port", port, "--time-zone", ZONE];
    this.server = spawn(BINARY, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.url = await firstLine(this.server, /(http:\/\/127\.0\.0\.1:\d+)/);
  }

  /** Ends the server; it is gone when this returns. */
  async stop() {
    const gone = once(this.server, "exit");
    this.server.kill("SIGKILL");
    await gone;
  }

  /**
   * A test that looks at an address of the page. The page must not complain in the console, nor ask another host for
   * anything. The tests share a browser, which has forgotten everything before each; one in French has its own.
   */
  looking(path, look, { language = "en-GB" } = {}) {
    return async () => {
      const browser = (this.browsers[language] ??= await this.driver.open(language));
      await browser.size(1280, 900);
      await browser.cdp("Storage.clearDataForOrigin", { origin: this.url, storageTypes: "local_storage" });
      await this.show(browser, path);
      await look(browser);
      assert.deepEqual(await browser.complaints(), []);
      const requests = await browser.requests();
      assert.ok(requests.some(address => address.startsWith(`${this.url}/api/`)), "the log of requests is there");
      // Chromium's own start page is none of ours.
      const elsewhere = requests.filter(address => !address.startsWith(this.url) && !/^(blob|data|chrome|chrome-untrusted):/.test(address));
      assert.deepEqual(elsewhere, []);
    };
  }

  /** Goes to an address of the page, until its figures are drawn. */
  async show(browser, path) {
    await browser.go(this.url + path);
    await browser.until("document.getElementById('share').chart?.status === 1 || !document.getElementById('nothing').hidden");
  }

  write(record) {
    return write(this.folder, record);
  }

  async close() {
    for (const browser of Object.values(this.browsers)) await browser.close();
    this.driver.stop();
    await this.stop();
    await rm(this.scratch, { recursive: true, force: true });
  }
}
