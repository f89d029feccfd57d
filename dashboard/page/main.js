/** The operator's page: reads what is asked for, shows it, and follows what the server tells. */

import * as asks from "./asked.js";
import { footfallChart, shareChart } from "./charts.js";
import { coloursOf } from "./colours.js";
import * as controls from "./controls.js";
import { fillLegend } from "./legend.js";
import { Live } from "./live.js";
import { dayModel, weekModel, windowLength } from "./model.js";
import { outputs } from "./outputs.js";
import { Reading } from "./reading.js";
import * as server from "./server.js";
import * as settings from "./settings.js";
import { dateLine, emptiness, facts, headline } from "./summary.js";
import { fillTable } from "./table.js";
import { today, use } from "./times.js";
import { fillIn, longDate, put, texts } from "./words.js";

const element = id => document.getElementById(id);

let asked = asks.read(); // what the person wants to see
let shown = null; // what is to be seen: an earlier `asked`, while the answer is awaited
let shownToday = null; // the day that was today then
let known = null; // the answer of /api/sites
let site = null; // the shown one of them
let model = null; // what the charts show
let charts = [];

const live = new Live(element("live"));
const reading = new Reading(element("plots"), element("reading"), date => change({ date, view: "day" }));

function change(part) {
  asked = { ...asked, ...part };
  asks.write(asked);
  load();
}

let newest = 0;

/** Reads the figures of what is asked for and shows them; an answer that a newer question has overtaken is dropped. */
async function load() {
  const turn = ++newest;
  try {
    const sites = await server.sites();
    use(sites.time_zone, sites.now);
    const chosen = sites.sites.find(s => s.site === asked.site) ?? sites.sites[0];
    const question = { ...asked, cameras: thoseOf(chosen) };
    const figures = chosen ? await read(question, chosen.site) : null;
    if (turn !== newest) return;
    [shown, shownToday, known, site, model] = [question, today(), sites, chosen, figures];
    trouble(null);
    show();
  } catch (error) {
    if (turn === newest) trouble(texts().failed(error.message));
  }
}

/** The cameras asked for; one of an old address may have gone since. */
function thoseOf(site) {
  const wanted = asked.cameras?.filter(camera => site?.cameras.includes(camera));
  return wanted?.length ? wanted : null;
}

async function read(question, site) {
  const date = asks.shownDate(question);
  if (question.view === "week") return weekModel(await server.week(site, date, question.cameras));
  const days = [date, asks.otherDate(question)].filter(Boolean);
  return dayModel(...(await Promise.all(days.map(d => server.day(site, d, question.cameras)))));
}

function trouble(words) {
  element("trouble").hidden = !words;
  element("trouble").textContent = words ?? "";
}

/** Shows what was read: after reading, and when language, theme or size have changed. */
function show() {
  fillIn();
  element("language").textContent = texts().otherLanguage;
  element("language").lang = settings.language() === "fr" ? "en" : "fr";
  element("theme").textContent = texts().theme[settings.theme()];
  element("theme").title = texts().themeSays[settings.theme()];
  if (!known) return;
  element("version").textContent = known.version;
  document.body.dataset.view = shown.view;
  if (site) controls.show(shown, site, known.sites);
  element("controls").hidden = !site;
  showFigures();
}

const cameras = () => shown.cameras ?? site.cameras;

/** What stands in words around the charts. */
function words() {
  const date = asks.shownDate(shown);
  return {
    name: site.site,
    date: dateLine(shown.view, date, model.days),
    headline: headline(model, date),
    facts: facts(model, date).join("\u00a0· "),
    unit: shown.view === "week" ? texts().unit.day : per(windowLength(model.main.spans)),
    axis: shown.view === "week" ? texts().axis.week : texts().axis.day(known.time_zone),
  };
}

/** "people per 20 minutes" */
function per(seconds) {
  const unit = texts().unit;
  if (seconds === null) return unit.window;
  return seconds % 60 ? unit.seconds(seconds) : unit.minutes(seconds / 60);
}

function showFigures() {
  charts.forEach(chart => chart.destroy());
  charts = [];
  const drawn = Boolean(model?.range);
  for (const id of ["plots", "reading", "legend", "values", "headline", "facts"]) element(id).hidden = !drawn;
  for (const id of ["png", "print"]) element(id).hidden = !drawn;
  element("csv").hidden = !drawn || shown.view === "week";
  element("nothing").hidden = drawn;
  if (!site) {
    element("nothing").textContent = texts().empty.site;
    return;
  }
  const said = words();
  element("name").textContent = said.name;
  element("date").textContent = said.date;
  live.watch(site.site, cameras());
  if (!drawn) {
    showNothing();
    return;
  }
  put(element("headline"), said.headline);
  put(element("facts"), said.facts);
  document.title = `${said.headline.replaceAll("*", "")} – ${said.name}`;
  element("footfall-unit").textContent = said.unit;
  element("axis").textContent = said.axis;
  element("plots").ariaLabel = texts().plots[shown.view];
  fillLegend(element("legend"), model);
  fillTable(element("values").querySelector("table"), model, `${said.name}, ${said.date}`);
  draw();
}

function showNothing() {
  const date = asks.shownDate(shown);
  element("nothing").textContent = emptiness(model, date);
  document.title = `${element("nothing").textContent} – ${site.site}`;
  if (site.last && site.last !== date && shown.view === "day") {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = texts().lastDay(longDate(site.last));
    button.addEventListener("click", () => change({ date: site.last }));
    element("nothing").append(" ", button);
  }
}

function draw() {
  const colours = coloursOf(document.documentElement);
  const font = getComputedStyle(document.body).fontFamily;
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  charts = [["footfall", footfallChart], ["share", shareChart]].map(([id, chart]) => {
    const host = element(id);
    const look = { width: host.clientWidth, height: host.clientHeight, scale, colours, font, sync: "plots" };
    host.chart = chart(model, look, host);
    return host.chart;
  });
  reading.follow(model, charts);
}

/** The charts fill their places, whose size follows the window's. */
function fit() {
  const grown = charts.some(chart => chart.root.parentNode.clientWidth !== chart.width || chart.root.parentNode.clientHeight !== chart.height);
  if (!grown) return;
  charts.forEach(chart => chart.destroy());
  draw();
}

/** Milliseconds in which new records are waited for together. */
const TOGETHER = 250;

let soon = null;

/** New records of a day: read when they are among what is shown, or open a new day or site. */
function recorded({ site: name, date }) {
  const opens = !known?.sites.some(s => s.site === name && s.last >= date);
  if (!opens && !(name === site.site && shows(date))) return;
  soon ??= setTimeout(() => {
    soon = null;
    load();
  }, TOGETHER);
}

function shows(date) {
  if (shown.view === "week") return model.days.includes(date);
  return [asks.shownDate(shown), asks.otherDate(shown)].includes(date);
}

controls.connect(() => asked, change);
outputs(() => charts.length > 0 && { model, words: words(), site: site.site, date: asks.shownDate(shown) });
element("language").addEventListener("click", () => {
  settings.setLanguage(settings.language() === "fr" ? "en" : "fr");
  show();
});
element("theme").addEventListener("click", () => settings.setTheme(settings.theme() === "dark" ? "light" : "dark"));
settings.onTheme(show);
window.addEventListener("popstate", () => {
  asked = asks.read();
  load();
});
new ResizeObserver(fit).observe(element("plots"));
server.listen({
  records: recorded,
  live: message => live.take(message),
  opened: load, // what was told before is in these answers
  lost: () => trouble(texts().connectionLost),
});
// A page that stays open shows the new day.
setInterval(() => shown?.date === null && shownToday !== today() && load(), 30_000);

show();
load();
