/** The figures in words: headline, the facts below it, and what to say when there are none. */

import { instant, today } from "./times.js";
import { endTime, longDate, number, percent, plainDate, range, shortDate, texts, time } from "./words.js";

/** "*212* people since 8:40, *86 %* masked (81–90)" */
export function headline(model, date) {
  const total = model.total;
  if (!total) return emptiness(model, date);
  const say = texts().headline;
  const [people, n] = [number(total.persons), total.persons];
  const [from, to] = [time(instant(total.since)), endTime(instant(total.until))];
  const ofWeek = () => (model.days.includes(today()) ? say.thisWeek(people, n) : say.week(people, n));
  const ofDay = () => (date === today() ? say.since(people, n, from) : say.between(people, n, from, to));
  return (model.view === "week" ? ofWeek() : ofDay()) + share(total, say);
}

const share = (figures, say) => (figures.masked_share === null ? say.noShare : say.share(percent(figures.masked_share), range(bounds(figures))));

export const bounds = figures => ({ low: figures.share_low, high: figures.share_high });

/** Each as one short phrase. */
export function facts(model, date) {
  const say = texts();
  const all = model.total ? ofTotal(model, date) : [];
  if (model.otherTotal) all.push(say.compared(shortDate(model.other.date), compared(model.otherTotal)));
  return all;
}

function ofTotal({ view, total, cameras, allCameras, withheld }, date) {
  const say = texts();
  const all = [cameras < allCameras ? say.ofCameras(cameras, allCameras) : say.cameraCount(cameras)];
  if (date === today() && view === "day") all.push(say.lastWindow(endTime(instant(total.until))));
  if (total.masked_share !== null) all.push(say.brackets);
  if (total.withdrawn) all.push(say.withdrawn(number(total.withdrawn), total.withdrawn));
  if (withheld) all.push(say.withheld(withheld));
  return all;
}

function compared(total) {
  const say = texts().reading;
  const people = say.people(number(total.persons), total.persons);
  return total.masked_share === null ? people : `${people}, ${say.share(percent(total.masked_share), range(bounds(total)))}`;
}

/** Why there are no figures. */
export function emptiness(model, date) {
  const say = texts().empty;
  if (model.view === "week") return say.week(plainDate(model.days[0]));
  if (!model.withheld) return say.day(longDate(date));
  return date < today() ? say.withheldPast(model.minPersons) : say.withheld(model.minPersons);
}

export const dateLine = (view, date, days) => (view === "week" ? texts().weekOf(plainDate(days[0])) : longDate(date));
