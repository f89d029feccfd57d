/** Times and days of the server's time zone. Instants are in seconds, days are written like 2026-04-26. */

const HOUR = 3600;
const DAY = 86400;

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

/** Hour and minute of an instant. */
export const hourAndMinute = at => written(at).slice(11, 16).split(":").map(Number);

export const addDays = (date, days) => new Date((instant(date) + days * DAY) * 1000).toISOString().slice(0, 10);

export const daysBetween = (from, to) => Math.round((instant(to) - instant(from)) / DAY);

/** The day of a week that its figures start with. */
export const monday = date => addDays(date, -((new Date(date).getUTCDay() + 6) % 7));

/** The instant with the same time on the clock so many days later. */
export function sameTime(at, days) {
  const later = at + days * DAY;
  return later + offset(at) - offset(later);
}

export const hourBefore = at => at - ((at + offset(at)) % HOUR);
export const hourAfter = at => hourBefore(at + HOUR - 1);

/** The full hours from one to the other, every so many. */
export function hours(from, to, every) {
  const all = [];
  for (let at = from; at <= to; at += HOUR) {
    if (hourAndMinute(at)[0] % every === 0) all.push(at);
  }
  return all;
}
