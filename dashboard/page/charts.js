/** The two charts: uPlot gives axes, scales and the cursor, marks.js draws between them. */

import uPlot from "./uplot/uPlot.esm.js";
import { Canvas, drawBars, drawGaps, drawShares } from "./marks.js";
import { marks } from "./times.js";
import { number, percent, time, weekday } from "./words.js";

/** The chart of people passing, drawn into `host`. `look`: width, height, colours, font, scale of all lengths. */
export function footfallChart(model, look, host) {
  const spans = [...model.main.spans, ...(model.other?.spans ?? [])];
  const most = Math.max(4, ...spans.map(s => s.persons));
  const values = [column(model, s => s.persons)];
  const y = {
    range: [0, most * 1.15],
    axis: { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000], write: number },
  };
  return chart(model, look, host, values, y, drawBars, false);
}

/** The chart of the masked share. */
export function shareChart(model, look, host) {
  const values = [column(model, s => s.share), column(model, s => s.low), column(model, s => s.high)];
  const y = { range: [0, 1], axis: { splits: () => [0, 0.25, 0.5, 0.75, 1], write: percent } };
  return chart(model, look, host, values, y, drawShares, true);
}

const column = (model, value) => model.main.spans.map(value);

/** `labelled`: the times stand below it; the upper chart has only their lines. */
function chart(model, look, host, values, y, drawMarks, labelled) {
  const { scale, colours } = look;
  const canvas = u => new Canvas(u, look, uPlot.pxRatio);
  const axis = {
    stroke: colours.muted,
    font: `${12 * scale}px ${look.font}`,
    ticks: { show: false },
    gap: 8 * scale,
    grid: { stroke: colours.grid, width: scale },
  };
  const options = {
    width: look.width,
    height: look.height,
    padding: [14 * scale, (model.other ? 62 : 18) * scale, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync: look.sync && { key: look.sync } },
    scales: { x: { time: false, range: () => model.range }, y: { range: () => y.range } },
    series: [{}, ...values.map(() => ({ paths: () => null, points: { show: false } }))],
    axes: [
      { ...axis, ...timeAxis(model, look, labelled), size: (labelled ? 30 : 10) * scale },
      {
        ...axis,
        size: 52 * scale,
        space: 34 * scale,
        incrs: y.axis.incrs,
        ...(y.axis.splits && { splits: y.axis.splits }),
        values: (_, splits) => splits.map(y.axis.write),
      },
    ],
    hooks: {
      drawAxes: [u => drawGaps(canvas(u), model)],
      draw: [u => drawMarks(canvas(u), model)],
    },
  };
  return new uPlot(options, [column(model, s => s.middle), ...values], host);
}

/** Times of the clock, as many as have room; or the days of the week. */
function timeAxis(model, { width, scale }, labelled) {
  const [from, to] = model.range;
  if (model.view === "week") {
    const middle = (to - from) / 7;
    return {
      grid: { show: false },
      splits: () => model.days.map((_, i) => from + middle * (i + 0.5)),
      values: () => model.days.map(day => (labelled ? weekday(day) : "")),
    };
  }
  // CSS pixels that a time takes; one with seconds is longer.
  const room = step => (width - 70 * scale) / ((step < 60 ? 110 : 52) * scale);
  const splits = marks(from, to, room);
  return { splits: () => splits, values: () => splits.map(at => (labelled ? time(at) : "")) };
}
