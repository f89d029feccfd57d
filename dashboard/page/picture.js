/** The charts as they go out of the page: as a PNG, and on paper. Always in the light colours. */

import { footfallChart, shareChart } from "./charts.js";
import { coloursOf } from "./colours.js";
import { entries } from "./legend.js";
import { gapHatch, partialHatch } from "./marks.js";
import { Pen } from "./pen.js";
import { texts } from "./words.js";

const WIDTH = 1200;
const MARGIN = 48;
const HEIGHTS = [250, 290];
const SCALE = 2;

const paper = document.getElementById("paper");
const font = () => getComputedStyle(document.body).fontFamily;

/** Both charts on canvases of their own, in CSS pixels times `scale`. uPlot draws them in the next microtask. */
export function chartCanvases(model, width, heights, scale) {
  const look = { width: width * scale, scale, colours: coloursOf(paper), font: font() };
  return [footfallChart, shareChart].map((chart, i) => {
    const host = document.createElement("div");
    return chart(model, { ...look, height: heights[i] * scale }, host).ctx.canvas;
  });
}

/** A PNG of both charts with the words around them; `words`: title, headline, facts, unit, axis. */
export async function png(model, words) {
  const charts = chartCanvases(model, WIDTH - 2 * MARGIN, HEIGHTS, SCALE);
  await Promise.resolve();
  const sheet = document.createElement("canvas");
  sheet.width = WIDTH * SCALE;
  sheet.height = lay(sheet, charts, model, words) * SCALE;
  lay(sheet, charts, model, words);
  return new Promise(done => sheet.toBlob(done, "image/png"));
}

/** Lays everything out; gives the height that it takes. */
function lay(sheet, charts, model, words) {
  const colours = coloursOf(paper);
  const pen = new Pen(sheet, { scale: SCALE, margin: MARGIN, width: WIDTH, font: font() });
  pen.ctx.fillStyle = colours.surface;
  pen.ctx.fillRect(0, 0, sheet.width, sheet.height);
  pen.write(words.title, { size: 17, height: 30, colour: colours.muted });
  pen.write(words.headline, { size: 36, height: 52, colour: colours.ink });
  pen.write(words.facts, { size: 15, height: 24, colour: colours.muted });
  const titles = [`*${texts().footfall}* · ${words.unit}`, `*${texts().share}* · ${texts().shareUnit}`];
  charts.forEach((chart, i) => {
    pen.skip(24);
    pen.write(titles[i], { size: 15, height: 24, colour: colours.ink });
    pen.image(chart, HEIGHTS[i]);
  });
  pen.write(words.axis, { size: 13, height: 24, colour: colours.muted, indent: 52 });
  pen.skip(12);
  for (const [name, meaning] of entries(model)) {
    mark(pen, name, colours);
    pen.write(meaning, { size: 13, height: 22, colour: colours.muted, indent: 40 });
  }
  pen.skip(8);
  pen.write(`maskcount · ${texts().privacy}`, { size: 13, height: 22, colour: colours.muted });
  return pen.y + MARGIN;
}

/** The mark that an entry of the legend explains. */
function mark({ ctx, scale, margin, y }, name, colours) {
  const [left, top, width, height] = [margin, y + 5, 28, 12].map(length => length * scale);
  ctx.lineWidth = 2 * scale;
  if (name === "uncertain") {
    ctx.beginPath();
    ctx.arc(left + width / 2, top + height / 2, 5 * scale, 0, 2 * Math.PI);
    ctx.strokeStyle = colours.share;
    ctx.stroke();
  } else if (name === "other") {
    ctx.fillStyle = colours.other;
    ctx.fillRect(left, top + height / 2 - scale, width, 2 * scale);
  } else {
    const fills = { band: colours.band, partial: partialHatch(ctx, scale, colours), gap: gapHatch(ctx, scale, colours) };
    ctx.fillStyle = fills[name];
    ctx.fillRect(left, top, width, height);
  }
}
