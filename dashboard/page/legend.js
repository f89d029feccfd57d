/** What the marks of the charts mean, in words; only those that are to be seen. */

import { longDate, texts } from "./words.js";

export function entries(model) {
  const say = texts().legend;
  const { spans, gaps } = model.main;
  return [
    spans.some(s => s.share !== null) && ["band", say.band],
    spans.some(s => s.partial) && ["partial", say.partial],
    spans.some(s => s.uncertain) && ["uncertain", say.uncertain],
    gaps.length > 0 && ["gap", model.view === "week" ? say.gapWeek : say.gap],
    model.other && ["other", say.other(longDate(model.other.date))],
  ].filter(Boolean);
}

export function fillLegend(list, model) {
  list.replaceChildren(
    ...entries(model).map(([name, words]) => {
      const item = document.createElement("li");
      item.className = name;
      item.textContent = words;
      return item;
    }),
  );
}
