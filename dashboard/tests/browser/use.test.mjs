/** Languages, themes, keyboard, screen readers, phones. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { forville, palms } from "./scene.mjs";
import { day, Stage } from "./stage.mjs";
import { KEYS } from "./webdriver.mjs";

const page = new URL("../../page/", import.meta.url);

let stage, axe;
before(async () => {
  axe = await readFile(new URL("node_modules/axe-core/axe.min.js", page), "utf8");
  stage = await Stage.open([...forville, ...palms]);
});
after(() => stage.close());

const looking = (...how) => () => stage.looking(...how)();

const text = (browser, id) => browser.run("return document.getElementById(arguments[0]).textContent", id);

test(
  "a French browser gets French; the other language is a click away and remembered",
  looking(
    "/",
    async browser => {
      assert.equal(await text(browser, "headline"), "212 personnes depuis 8\u00a0h\u00a040, 86\u00a0% masquées (81–90)");
      assert.equal(await browser.run("return document.documentElement.lang"), "fr");
      await browser.click("#language");
      assert.equal(await text(browser, "headline"), "212 people since 8:40, 86\u00a0% masked (81–90)");
      await stage.show(browser, "/");
      assert.equal(await browser.run("return document.documentElement.lang"), "en");
      assert.equal(await text(browser, "headline"), "212 people since 8:40, 86\u00a0% masked (81–90)");
    },
    { language: "fr-FR" },
  ),
);

test("both languages have the same texts", async () => {
  const [en, fr] = await Promise.all(["en", "fr"].map(async name => (await import(new URL(`texts/${name}.js`, page))).default));
  const shape = value => (value && typeof value === "object" ? Object.entries(value).map(([k, v]) => [k, shape(v)]) : typeof value);
  assert.deepEqual(shape(fr), shape(en));
});

test("one is said as one, in both languages", async () => {
  const [en, fr] = await Promise.all(["en", "fr"].map(async name => (await import(new URL(`texts/${name}.js`, page))).default));
  assert.equal(en.withdrawn("1", 1), "*1* withdrew by shaking the head and is not counted");
  assert.equal(en.withdrawn("1,200", 1200), "*1,200* withdrew by shaking the head and are not counted");
  assert.equal(fr.ofCameras(1, 3), "1 caméra sur 3");
  assert.equal(fr.ofCameras(2, 3), "2 caméras sur 3");
});

test(
  "the theme is the system's until one is chosen, which is remembered",
  looking("/", async browser => {
    const theme = () => browser.run("return document.documentElement.dataset.theme");
    const system = value =>
      browser.cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
    await system("dark");
    await browser.until("document.documentElement.dataset.theme === 'dark'");
    await system("light");
    await browser.until("document.documentElement.dataset.theme === 'light'");
    await browser.click("#theme");
    assert.equal(await theme(), "dark");
    await stage.show(browser, "/");
    assert.equal(await theme(), "dark");
  }),
);

for (const theme of ["light", "dark"]) {
  test(
    `axe finds nothing to complain about in the ${theme} theme`,
    looking(`/?site=palm&date=${day(-1)}&compare=-1`, async browser => {
      if ((await browser.run("return document.documentElement.dataset.theme")) !== theme) await browser.click("#theme");
      for (const [width, height] of [[1280, 900], [390, 844]]) {
        await browser.size(width, height);
        await browser.run("document.getElementById('values').open = true");
        const found = await browser.run(`${axe}; return axe.run({ resultTypes: ["violations"] })`);
        assert.deepEqual(found.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.target.join())]), []);
        assert.ok(found.passes.length > 20, "axe has looked");
      }
    }),
  );
}

test("the colours of the charts stand out from their ground in both themes", async () => {
  const css = await readFile(new URL("style.css", page), "utf8");
  for (const theme of ["light", "dark"]) {
    const block = css.match(new RegExp(`\\[data-theme="${theme}"\\] \\{([^}]*)\\}`))[1];
    const colours = Object.fromEntries([...block.matchAll(/--([\w-]+): (#\w{6});/g)].map(([, name, value]) => [name, value]));
    for (const ground of ["surface", "ground"]) {
      for (const name of ["ink", "muted", "accent", "trouble"]) {
        assert.ok(contrast(colours[name], colours[ground]) >= 4.5, `${name} on ${ground}, ${theme}`);
      }
    }
    for (const name of ["share", "other"]) assert.ok(contrast(colours[name], colours.surface) >= 4.5, `${name}, ${theme}`);
    for (const name of ["bar", "gap"]) assert.ok(contrast(colours[name], colours.surface) >= 3, `${name}, ${theme}`);
  }
});

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(one, other) {
  const luminance = colour =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
      const part = parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16) / 255;
      return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    }, 0);
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test(
  "everything is reached by keyboard, and the arrow keys read out the windows",
  looking(`/?site=palm&date=${day(-1)}`, async browser => {
    const focused = () => browser.run("const e = document.activeElement; return e.id || e.value || e.name || e.localName");
    const reached = new Set();
    while (!reached.has("summary")) {
      await browser.press([KEYS.Tab]);
      reached.add(await focused());
      assert.ok(!reached.has("body") || reached.size === 1, `the walk ends after ${[...reached]}`);
      if ((await focused()) === "plots") {
        for (const [key, says] of [
          [KEYS.Right, /^8:00–8:20 · 153 people, 83\u00a0% masked \(77–88\) · 125 with a mask · 25 without/],
          [KEYS.Right, /^8:20–8:40 · 180 people/],
          [KEYS.Right, /^8:40–9:00 · no data/],
          [KEYS.End, /^9:20–9:40 · 22 people.*uncertain$/],
          [KEYS.Left, /^9:00–9:20 · 100 people.*incomplete, \d+\u00a0% looked at$/],
          [KEYS.Escape, /^Point at a bar/],
        ]) {
          await browser.press([key]);
          assert.match(await text(browser, "reading"), says);
        }
      }
    }
    for (const name of ["csv", "png", "print", "language", "theme", "palm", "day", "before", "after", "today", "palm-1", "palm-2", "plots"]) {
      assert.ok(reached.has(name), `${name} is not among ${[...reached]}`);
    }
    assert.equal(await browser.run("return document.getElementById('reading').getAttribute('role')"), "status");
  }),
);

test(
  "nothing is wider than a phone",
  looking(`/?site=palm&date=${day(-1)}&compare=-1`, async browser => {
    for (const width of [390, 320]) {
      await browser.size(width, 700);
      await browser.until("document.getElementById('share').chart.width === document.getElementById('share').clientWidth");
      assert.equal(await browser.run("return document.documentElement.scrollWidth"), width);
    }
  }),
);
