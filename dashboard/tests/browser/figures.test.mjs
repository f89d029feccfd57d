/** What the page shows is what the records say. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { record, wilson } from "./records.mjs";
import { forville, mole, palms, roundTheClock, trial } from "./scene.mjs";
import { at, day, Stage } from "./stage.mjs";
import { KEYS } from "./webdriver.mjs";

let stage;
before(async () => (stage = await Stage.open([...forville, ...mole, ...palms, ...roundTheClock, ...trial])));
after(() => stage.close());

const looking = (...how) => () => stage.looking(...how)();

const text = (browser, id) => browser.run("return document.getElementById(arguments[0]).textContent", id);
const rows = browser =>
  browser.run("return [...document.querySelectorAll('#values tbody tr')].map(tr => [...tr.cells].map(cell => cell.textContent))");
const chart = (browser, id) =>
  browser.run("return document.getElementById(arguments[0]).chart.data.map(column => [...column])", id);
const legend = browser => browser.run("return [...document.querySelectorAll('#legend li')].map(li => li.className)");

/** The merged windows of yesterday at palm, worked out by hand: people, with mask, classified. */
const WINDOWS = [
  { time: "8:00–8:20", middle: [8, 10], persons: 153, masked: 125, classified: 150 },
  { time: "8:20–8:40", middle: [8, 30], persons: 180, masked: 140, classified: 180 },
  { time: "9:00–9:20", middle: [9, 10], persons: 100, masked: 60, classified: 100 },
  { time: "9:20–9:40", middle: [9, 30], persons: 22, masked: 15, classified: 22 },
];

test(
  "the headline says the day in a sentence",
  looking("/", async browser => {
    assert.equal(await text(browser, "headline"), "212 people since 8:40, 86\u00a0% masked (81–90)");
    assert.match(await text(browser, "facts"), /1 camera.*last window ended at 9:00.*1 withdrew by shaking the head and is not counted/);
    assert.equal(await text(browser, "name"), "forville");
  }),
);

test(
  "charts and table hold the values of the records",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    const middles = WINDOWS.map(w => at(day(-1), ...w.middle));
    assert.deepEqual(await chart(browser, "footfall"), [middles, WINDOWS.map(w => w.persons)]);
    const shares = await chart(browser, "share");
    assert.deepEqual(shares[0], middles);
    WINDOWS.forEach(({ masked, classified }, i) => {
      const share = masked / classified;
      [share, ...wilson(share, classified)].forEach((value, line) => {
        assert.ok(Math.abs(shares[line + 1][i] - value) < 0.0006, `${shares[line + 1][i]} is ${value}`);
      });
    });
    const table = await rows(browser);
    assert.deepEqual(table.map(cells => cells[0]), ["8:00–8:20", "8:20–8:40", "8:40–9:00", "9:00–9:20", "9:20–9:40"]);
    assert.deepEqual(table[0].slice(1), ["153", "125", "25", "0", "3", "83\u00a0%", "77–88", "2", "100\u00a0%", "2", ""]);
    assert.deepEqual(table[2].slice(1, 3), ["no data", ""]);
    assert.equal(table[3].at(-1), "incomplete");
    assert.equal(table[4].at(-1), "uncertain");
    assert.equal(await text(browser, "headline"), "455 people from 8:00 to 9:40, 75\u00a0% masked (71–79)");
  }),
);

test(
  "gaps, incomplete and uncertain windows are explained, and only where there are any",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    assert.deepEqual(await legend(browser), ["band", "partial", "uncertain", "gap"]);
    await stage.show(browser, "/");
    assert.deepEqual(await legend(browser), ["band"]);
  }),
);

test(
  "windows of seconds fill the axis too",
  looking(`/?site=trial&date=${day(-2)}`, async browser => {
    assert.equal(await text(browser, "headline"), "36 people from 10:00 to 10:00:40, 67\u00a0% masked (50–80)");
    assert.equal(await text(browser, "footfall-unit"), "people per 10 seconds");
    const { min, max } = await browser.run("const { min, max } = document.getElementById('share').chart.scales.x; return { min, max }");
    assert.deepEqual([min, max], [at(day(-2), 10), at(day(-2), 10) + 40]);
    assert.equal((await rows(browser))[1][0], "10:00:10–10:00:20");
  }),
);

test(
  "a camera can be left out",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    await browser.click("input[value=palm-2]");
    await browser.until("document.getElementById('headline').textContent.startsWith('332 people')");
    assert.deepEqual((await chart(browser, "footfall"))[1], [100, 120, 100, 12]);
    assert.match(await text(browser, "facts"), /1 of 2 cameras/);
    await browser.run("history.back()");
    await browser.until("document.getElementById('headline').textContent.startsWith('455 people')");
    assert.ok(await browser.run("return document.querySelector('input[value=palm-2]').checked"));
  }),
);

test(
  "days are walked through, and a day without records says so",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    await browser.click("#before");
    await browser.until("document.getElementById('headline').textContent.startsWith('260 people')");
    assert.ok((await browser.run("return location.search")).includes(`date=${day(-2)}`));
    await browser.click("#today");
    await browser.until("document.getElementById('nothing').textContent.startsWith('No figures for')");
    await browser.click("#nothing button");
    await browser.until("document.getElementById('headline').textContent.startsWith('455 people')");
  }),
);

test(
  "a day stands beside another at the same times of the clock",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    await browser.run(`
      const select = document.querySelector("[name=compare]");
      select.value = "-1";
      select.dispatchEvent(new Event("change", { bubbles: true }));`);
    await browser.until("document.querySelector('#legend .other')");
    assert.match(await text(browser, "facts"), /: 260 people, 85\u00a0% masked/);
    await browser.run("document.getElementById('plots').focus()");
    await browser.press([KEYS.Home]);
    assert.match(await text(browser, "reading"), /^8:00–8:20 · 153 people.*: 130 people, 92\u00a0% masked \(86–96\)$/);
  }),
);

test(
  "a day without records beside one with them says so and what the other had",
  looking("/?site=palm&compare=-1", async browser => {
    assert.match(await text(browser, "headline"), /^No figures for /);
    assert.match(await text(browser, "facts"), /^\d+ \w+: 455 people, 75\u00a0% masked \(71–79\)$/);
    assert.deepEqual(await legend(browser), ["other"]);
  }),
);

test(
  "a day is said with its own rule and cameras, a past week as past",
  looking(`/?site=mole&date=${day(-1)}`, async browser => {
    assert.match(await text(browser, "nothing"), /^Too few people for figures: fewer than 10 at each camera\./);
    await stage.show(browser, `/?site=mole&date=${day(-2)}`);
    assert.match(await text(browser, "facts"), /^1 camera\u00a0·/);
    await stage.show(browser, `/?site=mole&date=${day(-9)}&view=week`);
    assert.match(await text(browser, "headline"), /^20 people in the week, /);
    await stage.show(browser, `/?site=mole&date=${day(-16)}&view=week`);
    assert.match(await text(browser, "nothing"), /^No figures for the week of \d+ /);
  }),
);

test(
  "the week shows each day and opens the one that is pressed",
  looking(`/?site=palm&date=${day(-1)}&view=week`, async browser => {
    const monday = new Date(Date.parse(day(-1)));
    monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7));
    const both = new Date(Date.parse(day(-2))) >= monday;
    const current = new Date(Date.parse(day())).getUTCDay() !== 1;
    assert.deepEqual((await chart(browser, "footfall"))[1], both ? [260, 455] : [455]);
    assert.ok((await text(browser, "headline")).startsWith(`${both ? 715 : 455} people ${current ? "this" : "in the"} week, `));
    await browser.run("document.getElementById('plots').focus()");
    await browser.press([KEYS.Home]);
    while (!(await text(browser, "reading")).includes("455 people")) await browser.press([KEYS.Right]);
    await browser.press([KEYS.Enter]);
    await browser.until("document.getElementById('headline').textContent.startsWith('455 people from')");
  }),
);

test(
  "a new sidecar appears without a reload, and so does a new site",
  looking("/", async browser => {
    await browser.run("window.loaded = 'once'");
    await stage.write(record("forville-1", at(day(), 9), { masked: 100, unmasked: 50 }));
    await browser.until("document.getElementById('headline').textContent.startsWith('362 people since 8:40')");
    assert.deepEqual((await chart(browser, "footfall"))[1], [212, 150]);
    await stage.write(record("pier-1", at(day(), 9), { site: "pier", masked: 100, unmasked: 50 }));
    await browser.until("[...document.querySelector('[name=site]').options].some(o => o.value === 'pier')");
    assert.equal(await browser.run("return window.loaded"), "once");
  }),
);

test(
  "faces in view are told while the messages come",
  looking("/", async browser => {
    const message = { site: "forville", camera: "forville-1", mask: 4, no_mask: 1, incorrect: 0, unknown: 1 };
    const tell = () =>
      fetch(`${stage.url}/api/live`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(message),
      });
    const telling = setInterval(tell, 200);
    await browser.until("!document.getElementById('live').hidden");
    clearInterval(telling);
    assert.equal(await text(browser, "live"), "In view now: 6 faces · 4 with a mask · 1 without · 1 unclear yet");
    await browser.until("document.getElementById('live').hidden");
  }),
);

test(
  "the page says that the server is away, and goes on when it is back",
  looking("/?site=palm", async browser => {
    await browser.run("window.loaded = 'once'");
    await stage.stop();
    await browser.until("document.getElementById('trouble').textContent.startsWith('The connection to the server is lost')");
    await stage.write(record("palm-1", at(day(), 9), { site: "palm", masked: 100, unmasked: 50 }));
    await stage.serve(new URL(stage.url).port);
    await browser.until("document.getElementById('headline').textContent.startsWith('150 people since 9:00')");
    assert.ok(await browser.run("return document.getElementById('trouble').hidden"));
    assert.equal(await browser.run("return window.loaded"), "once");
    // What the browser says of the refused connections.
    for (const complaint of await browser.complaints()) assert.match(complaint, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE/);
  }),
);
