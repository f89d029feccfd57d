/** What leaves the page: CSV, PNG, the printed report. */

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { palms, roundTheClock } from "./scene.mjs";
import { day, Stage } from "./stage.mjs";
import { until } from "./wait.mjs";

let stage;
before(async () => (stage = await Stage.open([...palms, ...roundTheClock])));
after(() => stage.close());

const looking = (...how) => () => stage.looking(...how)();

/** The file that the browser has loaded down, when it is whole. */
async function loaded(browser, name) {
  await until(async () => (await readdir(browser.downloads).catch(() => [])).includes(name), `the download ${name}`);
  return readFile(join(browser.downloads, name));
}

test(
  "the CSV holds the windows that are shown",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    await browser.click("input[value=palm-2]");
    await browser.until("document.getElementById('csv').search.includes('camera=palm-1')");
    await browser.click("#csv");
    const lines = (await loaded(browser, `maskcount-palm-${day(-1)}.csv`)).toString().trim().split("\r\n");
    const [columns, ...rows] = lines.map(line => line.split(","));
    const field = name => rows.map(row => row[columns.indexOf(name)]);
    assert.deepEqual(field("persons"), ["100", "120", "100", "12"]);
    assert.deepEqual(field("complete"), ["true", "true", "false", "true"]);
    assert.match(field("start")[0], new RegExp(`^${day(-1)}T08:00:00[+]0[12]:00$`));
  }),
);

test(
  "the PNG holds the charts with their words",
  looking(`/?site=palm&date=${day(-1)}&compare=-1`, async browser => {
    await browser.click("#png");
    const png = await loaded(browser, `maskcount-palm-${day(-1)}.png`);
    assert.equal(png.subarray(1, 4).toString(), "PNG");
    assert.equal(png.readUInt32BE(16), 2400);
    assert.ok(png.readUInt32BE(20) > 1500);
    // An empty sheet of that size has below 20 kB.
    assert.ok(png.length > 60_000, `${png.length} bytes`);
  }),
);

for (const [name, path] of [
  ["a morning", `/?site=palm&date=${day(-1)}&compare=-1`],
  ["a day and a night", `/?site=quay&date=${day(-3)}`],
  ["a week", `/?site=palm&date=${day(-1)}&view=week`],
]) {
  test(
    `the report of ${name} is one page with both charts, and leaves the page as it was`,
    looking(path, async browser => {
      await browser.click("#theme");
      const theme = await browser.run("return document.documentElement.dataset.theme");
      const onPaper = "return document.querySelectorAll('canvas.paper').length";
      await browser.run("dispatchEvent(new Event('beforeprint'))");
      assert.equal(await browser.run(onPaper), 2);
      assert.equal(await browser.run("return document.documentElement.dataset.theme"), "light");
      const pdf = (await browser.pdf()).toString("latin1");
      assert.equal(pdf.match(/\/Type \/Page\b/g).length, 1);
      assert.equal(await browser.run(onPaper), 0);
      assert.equal(await browser.run("return document.documentElement.dataset.theme"), theme);
      assert.equal(await browser.run("return document.getElementById('values').open"), false);
    }),
  );
}
