/** The figures of the charts as a table: what a screen reader reads and the report prints. */

import { number, percent, range, texts, times, longDate } from "./words.js";

/** Rows that have room on the printed page below the charts. */
const ROWS = 24;

export function fillTable(table, model, caption) {
  const say = texts().columns;
  const week = model.view === "week";
  const columns = [
    ["when", week ? say.day : say.time, s => (week ? longDate(s.date) : times(s))],
    ["persons", say.persons, s => number(s.persons)],
    ["masked", say.masked, s => number(s.figures.masked)],
    ["unmasked", say.unmasked, s => number(s.figures.unmasked)],
    ["incorrect", say.incorrect, s => number(s.figures.incorrect)],
    ["unknown", say.unknown, s => number(s.figures.unknown)],
    ["share", say.share, s => (s.share === null ? "–" : percent(s.share))],
    ["interval", say.interval, s => (s.share === null ? "–" : range(s))],
    ["withdrawn", say.withdrawn, s => number(s.figures.withdrawn)],
    ...(week
      ? []
      : [
          ["coverage", say.coverage, s => percent(s.figures.coverage)],
          ["cameras", say.cameras, s => number(s.figures.cameras)],
          ["notes", say.notes, notes],
        ]),
  ];
  table.caption.textContent = caption;
  table.tHead.replaceChildren(row("th", columns.map(([name, heading]) => [name, heading])));
  const stops = [...model.main.spans, ...model.main.gaps].sort((a, b) => a.from - b.from);
  table.classList.toggle("long", stops.length > ROWS);
  table.tBodies[0].replaceChildren(
    ...stops.map(stop => {
      const tr = row("td", columns.map(([name, , text]) => [name, stop.gap ? gapText(name, text, stop) : text(stop)]));
      for (const mark of ["gap", "partial", "uncertain"]) tr.classList.toggle(mark, stop[mark] === true);
      return tr;
    }),
  );
}

const gapText = (name, text, stop) => (name === "when" ? text(stop) : name === "persons" ? texts().notes.gap : "");

function notes(span) {
  const say = texts().notes;
  return [span.partial && say.partial, span.uncertain && say.uncertain].filter(Boolean).join(", ");
}

/** Cells of one row; the first one heads it. */
function row(kind, cells) {
  const tr = document.createElement("tr");
  cells.forEach(([name, text], i) => {
    const cell = document.createElement(i ? kind : "th");
    if (cell.localName === "th") cell.scope = kind === "th" ? "col" : "row";
    cell.className = name;
    cell.textContent = text;
    tr.append(cell);
  });
  return tr;
}
