/**
 * What the charts draw: spans with their figures, the gaps between them, and the range of the time axis.
 * A span is a window of a day or a day of a week. Times are in seconds.
 */

import { addDays, daysBetween, instant, rounded, sameTime, today } from "./times.js";

function span(from, to, figures) {
  return {
    from,
    to,
    middle: (from + to) / 2,
    persons: figures.persons,
    share: figures.masked_share,
    low: figures.share_low,
    high: figures.share_high,
    partial: figures.complete === false,
    uncertain: figures.low_confidence === true,
    figures,
  };
}

function curve(day, days = 0) {
  const at = text => (days ? sameTime(instant(text), days) : instant(text));
  return {
    date: day.date,
    joined: true,
    spans: day.windows.map(w => span(at(w.start), at(w.end), w)),
    gaps: day.gaps.map(g => ({ from: at(g.start), to: at(g.end), gap: true })),
  };
}

/** One day, with another one at the same times of the clock. */
export function dayModel(day, other) {
  const main = curve(day);
  const second = other && curve(other, daysBetween(other.date, day.date));
  const all = [...main.spans, ...(second?.spans ?? [])];
  return {
    view: "day",
    main,
    other: second,
    total: day.total,
    otherTotal: other?.total,
    cameras: day.cameras.length,
    allCameras: day.all_cameras,
    withheld: day.withheld,
    minPersons: day.min_persons,
    range: all.length ? rounded(Math.min(...all.map(s => s.from)), Math.max(...all.map(s => s.to))) : null,
  };
}

/** Monday to Sunday; the axis is in days, as if each had 24 hours. */
export function weekModel(week) {
  const spans = [];
  const gaps = [];
  for (const { date, total } of week.days) {
    const [from, to] = [instant(date), instant(addDays(date, 1))];
    if (total) spans.push({ ...span(from, to, total), date });
    else if (date < today()) gaps.push({ from, to, gap: true, date });
  }
  const days = week.days.map(d => d.date);
  return {
    view: "week",
    main: { date: days[0], joined: false, spans, gaps },
    total: week.total,
    cameras: week.cameras.length,
    allCameras: week.all_cameras,
    days,
    range: spans.length ? [instant(days[0]), instant(addDays(days[6], 1))] : null,
  };
}

/** Length of the windows in seconds; `null` when they differ. */
export function windowLength(spans) {
  const lengths = new Set(spans.map(s => s.to - s.from));
  return lengths.size === 1 ? [...lengths][0] : null;
}

/** Spans that follow each other without a break and have a share. */
export function runs({ spans, joined }) {
  const all = [];
  for (const s of spans.filter(s => s.share !== null)) {
    const last = all.at(-1);
    if (joined && last?.at(-1).to === s.from) last.push(s);
    else all.push([s]);
  }
  return all;
}
