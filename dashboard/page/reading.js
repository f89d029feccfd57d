/** Reads out one window (or day of a week) of the charts: by pointer, or by the arrow keys. */

import { number, percent, put, range, texts, times, longDate } from "./words.js";

const NEVER = -10; // uPlot's cursor is off when its position is negative

export class Reading {
  /** `open(date)` is called for a day of a week. */
  constructor(plots, line, open) {
    this.line = line;
    this.open = open;
    this.charts = [];
    plots.addEventListener("keydown", event => this.key(event));
    plots.addEventListener("click", () => this.enter());
  }

  /** Follows new charts; what was read out is read again from the new figures. */
  follow(model, charts) {
    const at = this.stops?.[this.current]?.from;
    this.model = model;
    this.charts = charts;
    this.stops = [...model.main.spans, ...model.main.gaps].sort((a, b) => a.from - b.from);
    this.current = this.stops.findIndex(stop => stop.from === at);
    for (const chart of charts) (chart.hooks.setCursor ??= []).push(u => this.pointed(u));
    this.mark();
  }

  key(event) {
    const last = this.stops.length - 1;
    const go = {
      ArrowLeft: this.current < 0 ? last : Math.max(0, this.current - 1),
      ArrowRight: Math.min(last, this.current + 1),
      Home: 0,
      End: last,
      Escape: -1,
    }[event.key];
    if (event.key === "Enter") this.enter();
    if (go === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.current = go;
    this.mark();
  }

  enter() {
    const date = this.stops[this.current]?.date;
    if (date) this.open(date);
  }

  pointed(chart) {
    if (this.marking) return;
    const at = chart.cursor.left >= 0 ? chart.posToVal(chart.cursor.left, "x") : null;
    this.current = at === null ? -1 : this.stops.findIndex(stop => stop.from <= at && at < stop.to);
    this.say();
  }

  /** Puts the line of the cursor where `current` is. */
  mark() {
    const stop = this.stops[this.current];
    this.marking = true;
    for (const chart of this.charts) {
      const left = stop ? chart.valToPos((stop.from + stop.to) / 2, "x") : NEVER;
      chart.setCursor({ left, top: stop ? 0 : NEVER });
    }
    this.marking = false;
    this.say();
  }

  say() {
    const stop = this.stops[this.current];
    this.line.classList.toggle("hint", !stop);
    put(this.line, stop ? sentence(stop, this.model) : texts().hint[this.model.view]);
  }
}

function sentence(stop, { view, other }) {
  const say = texts().reading;
  const when = view === "week" ? longDate(stop.date) : times(stop);
  if (stop.gap) return `${when} · ${say.gap}`;
  const parts = [`*${when}*`, figures(stop), ...counts(stop.figures)];
  if (stop.partial) parts.push(say.partial(percent(stop.figures.coverage)));
  if (stop.uncertain) parts.push(say.uncertain);
  const beside = other?.spans.find(s => s.from <= stop.middle && stop.middle < s.to);
  if (beside) parts.push(texts().compared(longDate(other.date), figures(beside)));
  return parts.join(" · ");
}

function figures(span) {
  const say = texts().reading;
  const people = say.people(number(span.persons), span.persons);
  return span.share === null ? people : `${people}, ${say.share(percent(span.share), range(span))}`;
}

function counts(figures) {
  const say = texts().reading;
  const all = [say.masked(number(figures.masked)), say.unmasked(number(figures.unmasked))];
  for (const kind of ["incorrect", "unknown", "withdrawn"]) {
    if (figures[kind]) all.push(say[kind](number(figures[kind])));
  }
  return all;
}
