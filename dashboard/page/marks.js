/** What is drawn between the axes of a chart: gaps, bars, bands, lines and the words beside them. */

import { runs } from "./model.js";
import { number, percent, shortDate, texts, weekdayName } from "./words.js";

/** The canvas of a chart, with positions of values in its pixels. `look` has colours and the scale of lengths. */
export class Canvas {
  constructor(chart, look, ratio) {
    this.ctx = chart.ctx;
    this.colours = look.colours;
    this.unit = ratio * look.scale;
    this.font = look.font;
    this.x = at => chart.valToPos(at, "x", true);
    this.y = value => chart.valToPos(value, "y", true);
    ({ left: this.left, top: this.top, width: this.width, height: this.height } = chart.bbox);
    this.bottom = this.top + this.height;
    this.right = this.left + this.width;
  }

  type(size, weight = 400) {
    this.ctx.font = `${weight} ${size * this.unit}px ${this.font}`;
  }
}

/** Diagonal lines, as a fill; lengths in CSS pixels times `unit`. */
export function hatch(ctx, unit, colour, width, distance) {
  const side = Math.round(distance * unit);
  const tile = new OffscreenCanvas(side, side);
  const lines = tile.getContext("2d");
  lines.strokeStyle = colour;
  lines.lineWidth = width * unit;
  for (const shift of [-side, 0, side]) {
    lines.moveTo(shift - 1, side + 1);
    lines.lineTo(shift + side + 1, -1);
  }
  lines.stroke();
  return ctx.createPattern(tile, "repeat");
}

export const gapHatch = (ctx, unit, colours) => hatch(ctx, unit, colours.gap, 1, 7);
export const partialHatch = (ctx, unit, colours) => hatch(ctx, unit, colours.bar, 1.5, 5);

export function drawGaps(canvas, { main: { gaps } }) {
  const { ctx, unit, colours } = canvas;
  for (const gap of gaps) {
    const [left, right] = [canvas.x(gap.from), canvas.x(gap.to)];
    ctx.fillStyle = gapHatch(ctx, unit, colours);
    ctx.fillRect(left, canvas.top, right - left, canvas.height);
    canvas.type(11);
    const words = texts().noData;
    const width = ctx.measureText(words).width + 8 * unit;
    if (width > right - left) continue;
    const [x, y] = [(left + right) / 2, canvas.top + canvas.height / 2];
    ctx.fillStyle = colours.surface;
    ctx.fillRect(x - width / 2, y - 9 * unit, width, 18 * unit);
    write(canvas, words, x, y, colours.muted, "center");
  }
}

/** Days stand apart, windows of a day touch. */
const insetOf = (canvas, span) => (canvas.x(span.to) - canvas.x(span.from)) * 0.16;

export function drawBars(canvas, { main, other }) {
  const { ctx, unit, colours } = canvas;
  const partial = partialHatch(ctx, unit, colours);
  ctx.lineWidth = 1.5 * unit;
  for (const span of main.spans) {
    const inset = main.joined ? unit : insetOf(canvas, span);
    const [left, right, top] = [canvas.x(span.from) + inset, canvas.x(span.to) - inset, canvas.y(span.persons)];
    ctx.fillStyle = span.partial ? partial : colours.bar;
    ctx.fillRect(left, top, right - left, canvas.bottom - top);
    if (span.partial) {
      ctx.strokeStyle = colours.bar;
      ctx.strokeRect(left + 0.75 * unit, top, right - left - 1.5 * unit, canvas.bottom - top);
    }
  }
  if (other) {
    outline(canvas, other);
  }
  barLabels(canvas, main.spans, other?.spans ?? []);
}

/** The tops of another day's bars, as steps. */
function outline(canvas, { spans }) {
  const { ctx, unit, colours } = canvas;
  ctx.beginPath();
  let end = null;
  for (const span of spans) {
    const y = canvas.y(span.persons);
    if (end === span.from) ctx.lineTo(canvas.x(span.from), y);
    else ctx.moveTo(canvas.x(span.from), y);
    ctx.lineTo(canvas.x(span.to), y);
    end = span.to;
  }
  ctx.strokeStyle = colours.other;
  ctx.lineWidth = 2 * unit;
  ctx.stroke();
}

/** The number above each bar, where the bars are wide enough; else above the highest. */
function barLabels(canvas, spans, others) {
  const { ctx, unit, colours } = canvas;
  canvas.type(12);
  const width = s => canvas.x(s.to) - canvas.x(s.from);
  const fits = spans.every(s => ctx.measureText(number(s.persons)).width + 4 * unit < width(s));
  const highest = Math.max(...spans.map(s => s.persons));
  for (const span of fits ? spans : spans.filter(s => s.persons === highest).slice(0, 1)) {
    const beside = others.filter(s => s.from < span.to && span.from < s.to).map(s => s.persons);
    const y = canvas.y(Math.max(span.persons, ...beside));
    write(canvas, number(span.persons), canvas.x(span.middle), y - 9 * unit, colours.ink, "center");
  }
}

export function drawShares(canvas, { main, other }) {
  const { ctx, unit, colours } = canvas;
  if (other) {
    ctx.setLineDash([6 * unit, 4 * unit]);
    for (const run of runs(other)) line(canvas, run, colours.other, 2);
    ctx.setLineDash([]);
  }
  const all = runs(main);
  for (const run of all) {
    const inset = main.joined ? 0 : insetOf(canvas, run[0]);
    band(canvas, run, inset);
    line(canvas, run, colours.share, 2.5, inset);
    run.forEach(span => point(canvas, span));
  }
  shareLabels(canvas, all);
  endLabels(canvas, main, other);
}

/** Positions of a run's values: from the start of its first window over the middles to the end of its last. */
function positions(canvas, run, value, inset = 0) {
  const [first, last] = [run[0], run.at(-1)];
  return [
    [canvas.x(first.from) + inset, canvas.y(value(first))],
    ...run.map(span => [canvas.x(span.middle), canvas.y(value(span))]),
    [canvas.x(last.to) - inset, canvas.y(value(last))],
  ];
}

function band(canvas, run, inset) {
  const { ctx, colours } = canvas;
  const around = [...positions(canvas, run, s => s.high, inset), ...positions(canvas, run, s => s.low, inset).reverse()];
  ctx.beginPath();
  around.forEach(([x, y]) => ctx.lineTo(x, y));
  ctx.fillStyle = colours.band;
  ctx.fill();
  // The edges, for eyes that do not see the fill.
  ctx.globalAlpha = 0.75;
  for (const edge of [s => s.high, s => s.low]) line(canvas, run, colours.share, 1, inset, edge);
  ctx.globalAlpha = 1;
}

function line(canvas, run, colour, width, inset, value = s => s.share) {
  const { ctx, unit } = canvas;
  ctx.beginPath();
  positions(canvas, run, value, inset).forEach(([x, y]) => ctx.lineTo(x, y));
  ctx.strokeStyle = colour;
  ctx.lineWidth = width * unit;
  ctx.lineJoin = "round";
  ctx.stroke();
}

/** A disc; a ring where the share is uncertain. */
function point(canvas, span) {
  const { ctx, unit, colours } = canvas;
  ctx.beginPath();
  ctx.arc(canvas.x(span.middle), canvas.y(span.share), (span.uncertain ? 5 : 3.5) * unit, 0, 2 * Math.PI);
  ctx.fillStyle = span.uncertain ? colours.surface : colours.share;
  ctx.fill();
  ctx.strokeStyle = colours.share;
  ctx.lineWidth = 2 * unit;
  ctx.stroke();
}

/** The share above its point, where there is room; and below the longest run what the band is. */
function shareLabels(canvas, all) {
  const { ctx, unit, colours } = canvas;
  if (!all.length) return;
  canvas.type(12);
  const spans = all.flat();
  let free = -Infinity;
  for (const span of spans) {
    const half = ctx.measureText(percent(span.share)).width / 2 + 8 * unit;
    const x = Math.max(canvas.x(span.middle), canvas.left + half - 4 * unit);
    if (x - half < free) continue;
    free = x + half;
    const below = spans.filter(s => Math.abs(canvas.x(s.middle) - x) < half).map(s => canvas.y(s.share));
    const y = Math.max(Math.min(...below) - 14 * unit, canvas.top);
    rim(canvas, percent(span.share), x, y);
    write(canvas, percent(span.share), x, y, colours.ink, "center");
  }
  const longest = all.reduce((a, b) => (b.length > a.length ? b : a));
  const middle = longest[Math.floor(longest.length / 2)];
  const y = Math.min(canvas.y(middle.low) + 14 * unit, canvas.bottom - 8 * unit);
  rim(canvas, texts().interval, canvas.x(middle.middle), y);
  write(canvas, texts().interval, canvas.x(middle.middle), y, colours.muted, "center");
}

/** Two days are told apart at the ends of their lines. */
function endLabels(canvas, main, other) {
  if (!other) return;
  const { unit, colours } = canvas;
  const ends = [[main, colours.share], [other, colours.other]]
    .filter(([curve]) => runs(curve).length)
    .map(([curve, colour]) => ({ curve, colour, y: canvas.y(runs(curve).at(-1).at(-1).share) }))
    .sort((a, b) => a.y - b.y);
  if (ends.length === 2) {
    const overlap = 30 * unit - (ends[1].y - ends[0].y);
    if (overlap > 0) {
      ends[0].y -= overlap / 2;
      ends[1].y += overlap / 2;
    }
  }
  for (const { curve, colour, y } of ends) {
    const x = canvas.right + 8 * unit;
    canvas.type(12, 600);
    write(canvas, weekdayName(curve.date), x, y - 7 * unit, colour, "left");
    write(canvas, shortDate(curve.date), x, y + 7 * unit, colour, "left");
  }
}

/** Keeps the edge of the band from striking through what is written next. */
function rim({ ctx, unit, colours }, words, x, y) {
  ctx.strokeStyle = colours.surface;
  ctx.lineWidth = 3 * unit;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.strokeText(words, x, y);
}

function write({ ctx }, words, x, y, colour, align) {
  ctx.fillStyle = colour;
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.fillText(words, x, y);
}
