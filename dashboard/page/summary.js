/** The figures in words: headline, the facts below it, and what to say when there are none. */

import { instant } from "./times.js";
import { endTime, longDate, number, percent, plainDate, range, shortDate, texts, time } from "./words.js";

/** "*212* people since 8:40, *86 %* masked (81–90)" */
export function headline(model, isToday) {
  const total = model.total;
  if (!total) return "";
  const say = texts().headline;
  const [people, n] = [number(total.persons), total.persons];
  const [from, to] = [time(instant(total.since)), endTime(instant(total.until))];
  const who =
    model.view === "week" ? say.week(people, n) : isToday ? say.since(people, n, from) : say.between(people, n, from, to);
  return who + share(total, say);
}

const share = (figures, say) => (figures.masked_share === null ? say.noShare : say.share(percent(figures.masked_share), range(bounds(figures))));

export const bounds = figures => ({ low: figures.share_low, high: figures.share_high });

/** Each as one short phrase. */
export function facts(model, isToday, cameras, allCameras) {
  const say = texts();
  const total = model.total;
  if (!total) return [];
  const all = [cameras.length < allCameras.length ? say.ofCameras(cameras.length, allCameras.length) : say.cameraCount(cameras.length)];
  if (isToday && model.view === "day") all.push(say.lastWindow(endTime(instant(total.until))));
  if (total.masked_share !== null) all.push(say.brackets);
  if (total.withdrawn) all.push(say.withdrawn(number(total.withdrawn)));
  if (model.withheld) all.push(say.withheld(model.withheld));
  if (model.otherTotal) all.push(say.compared(shortDate(model.other.date), compared(model.otherTotal)));
  return all;
}

function compared(total) {
  const say = texts().reading;
  const people = say.people(number(total.persons), total.persons);
  return total.masked_share === null ? people : `${people}, ${say.share(percent(total.masked_share), range(bounds(total)))}`;
}

/** Why there are no charts. */
export function emptiness(model, date, minPersons) {
  const say = texts().empty;
  if (model.view === "week") return say.week;
  return model.withheld ? say.withheld(minPersons) : say.day(longDate(date));
}

export const dateLine = (view, date, days) => (view === "week" ? texts().weekOf(plainDate(days[0])) : longDate(date));
