/** What is looked at: kept in the page's address, so that it can be reloaded, gone back to and passed on. */

import { addDays, today } from "./times.js";

/**
 * site: name or null (the first); date: null is today, whenever that is; view: "day" or "week";
 * compare: "", days back as "-1" or "-7", or a date; cameras: null is all of the site.
 */
export function read() {
  const query = new URLSearchParams(location.search);
  const cameras = query.getAll("camera");
  return {
    site: query.get("site"),
    date: isDate(query.get("date")) ? query.get("date") : null,
    view: query.get("view") === "week" ? "week" : "day",
    compare: isCompare(query.get("compare")) ? query.get("compare") : "",
    cameras: cameras.length ? cameras : null,
  };
}

export function write({ site, date, view, compare, cameras }) {
  const query = new URLSearchParams();
  if (site) query.set("site", site);
  if (date) query.set("date", date);
  if (view === "week") query.set("view", view);
  if (compare) query.set("compare", compare);
  for (const camera of cameras ?? []) query.append("camera", camera);
  const address = query.size ? `?${query}` : location.pathname;
  if (address !== location.search) history.pushState(null, "", address);
}

export const shownDate = asked => asked.date ?? today();

/** The day that the shown one is compared with. */
export function otherDate(asked) {
  if (!asked.compare || asked.view === "week") return null;
  return isDate(asked.compare) ? asked.compare : addDays(shownDate(asked), Number(asked.compare));
}

const isDate = text => /^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(text));
const isCompare = text => isDate(text) || /^-[17]$/.test(text ?? "");
