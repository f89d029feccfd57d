/** What leaves the page: a PNG, and the printed report. (The CSV is the server's.) */

import { chartCanvases, png } from "./picture.js";
import { plainDate, texts, time } from "./words.js";
import { today } from "./times.js";

/** Width and heights of the charts on A4, and how much finer they are drawn than the screen. CSS pixels. */
const REPORT = { width: 690, heights: [175, 195], scale: 3 };

const element = id => document.getElementById(id);

/** `shown()` gives what the page shows now; false when there are no charts. */
export function outputs(shown) {
  element("png").addEventListener("click", () => save(shown()));
  element("print").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => lay(shown()));
  window.addEventListener("afterprint", clear);
}

async function save({ model, words, site, date }) {
  const name = words.name[0].toUpperCase() + words.name.slice(1);
  const picture = await png(model, { ...words, title: `${name} · ${words.date}` });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(picture);
  link.download = `maskcount-${site.replace(/[^\p{L}\p{N}]/gu, "-")}-${date}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}

/** How the page was before it was laid out for paper. */
let before = null;

function lay(shown) {
  if (!shown || before) return;
  const root = document.documentElement;
  before = { theme: root.dataset.theme, open: element("values").open };
  root.dataset.theme = "light";
  element("values").open = true;
  const canvases = chartCanvases(shown.model, REPORT.width, REPORT.heights, REPORT.scale);
  ["footfall", "share"].forEach((id, i) => {
    canvases[i].className = "paper";
    element(id).append(canvases[i]);
  });
  element("printed").textContent = texts().printed[shown.model.view](plainDate(today()), time(Date.now() / 1000));
}

function clear() {
  if (!before) return;
  for (const canvas of document.querySelectorAll("canvas.paper")) canvas.remove();
  document.documentElement.dataset.theme = before.theme;
  element("values").open = before.open;
  before = null;
}
