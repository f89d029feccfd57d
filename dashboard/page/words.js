/** The page's language: its texts, and numbers, times and dates written in it. */

import en from "./texts/en.js";
import fr from "./texts/fr.js";
import { language } from "./settings.js";
import { clock } from "./times.js";

const languages = { en, fr };

export const texts = () => languages[language()];

export const number = n => new Intl.NumberFormat(texts().locale).format(n);

/** Shares come rounded to a tenth of a point; half a point goes down. */
const points = part => String(Math.ceil((Math.round(part * 1000) - 5) / 10));

export const percent = part => `${points(part)}\u00a0%`;

/** "81–90" */
export const range = ({ low, high }) => `${points(low)}–${points(high)}`;

/** "8:40", "8 h 40"; with seconds only where there are any */
export const time = at => texts().time(...clock(at));

/** The end of something within a day: midnight is "24:00". */
export function endTime(at) {
  const [hour, minute, second] = clock(at);
  return texts().time(hour + minute + second ? hour : 24, minute, second);
}

/** "8:40–9:00" */
export const times = ({ from, to }) => `${time(from)}–${endTime(to)}`;

const dated = (date, form) => new Intl.DateTimeFormat(texts().locale, { timeZone: "UTC", ...form }).format(new Date(date));

/** "Sunday 26 April 2026" */
export const longDate = date => dated(date, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** "26 April 2026" */
export const plainDate = date => dated(date, { day: "numeric", month: "long", year: "numeric" });

/** "Sun 26" */
export const weekday = date => dated(date, { weekday: "short", day: "numeric" }).replace(",", "");

/** "Sun" */
export const weekdayName = date => dated(date, { weekday: "short" });

/** "26 Apr" */
export const shortDate = date => dated(date, { day: "numeric", month: "short" });

/** Puts a text into an element; what stands between asterisks is emphasised. */
export function put(element, text) {
  const parts = text.split("*").map((part, i) => {
    if (i % 2 === 0) return part;
    const strong = document.createElement("strong");
    strong.textContent = part;
    return strong;
  });
  element.replaceChildren(...parts);
}

/** Fills what index.html leaves empty: `data-text` the content, `data-label` the accessible name. */
export function fillIn() {
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = texts()[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", texts()[element.dataset.label]);
  }
}
