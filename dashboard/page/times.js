/** Times and days of the server's time zone. Instants are in seconds, days are written like 2026-04-26. */

const HOUR = 3600;
const DAY = 86400;

/** Steps that a clock is divided in, in seconds; all divide a day. */
const STEPS = [10, 30, 60, 120, 300, 600, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR];

let local = formatter("UTC");
let ahead = 0; // by how much the server's clock is ahead of this machine's, in seconds

function formatter(timeZone) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
}

/** From here on the zone and the clock are the server's. */
export function use(timeZone, now) {
  local = formatter(timeZone);
  ahead = instant(now) - Date.now() / 1000;
}

export const instant = text => Date.parse(text) / 1000;

/** "2026-04-26 08:40:00" */
const written = at => local.format(at * 1000);

/** Seconds that the zone's clocks are ahead of UTC. */
const offset = at => instant(`${written(at).replace(" ", "T")}Z`) - Math.floor(at);

export const today = () => written(Date.now() / 1000 + ahead).slice(0, 10);

/** Hour, minute and second of an instant. */
export const clock = at => written(at).slice(11).split(":").map(Number);

export const addDays = (date, days) => new Date((instant(date) + days * DAY) * 1000).toISOString().slice(0, 10);

export const daysBetween = (from, to) => Math.round((instant(to) - instant(from)) / DAY);

/** The day of a week that its figures start with. */
export const monday = date => addDays(date, -((new Date(date).getUTCDay() + 6) % 7));

/** The instant with the same time on the clock so many days later. */
export function sameTime(at, days) {
  const later = at + days * DAY;
  return later + offset(at) - offset(later);
}

const before = (at, step) => at - ((at + offset(at)) % step);

/** Widens a range to full hours; a short one to full minutes or a part of one. */
export function rounded(from, to) {
  const grain = [10, 60, 600].find(step => to - from <= 20 * step) ?? HOUR;
  return [before(from, grain), before(to + grain - 1, grain)];
}

/** Times of the clock from one to the other: as fine as no more than so many have room. */
export function marks(from, to, room) {
  const step = STEPS.find(step => (to - from) / step <= room(step)) ?? DAY;
  const all = [];
  for (let at = from; at <= to; at += Math.min(step, HOUR)) {
    if ((at + offset(at)) % step === 0) all.push(at);
  }
  return all;
}
