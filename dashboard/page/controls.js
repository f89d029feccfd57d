/** The controls above the charts: what they show is `asked`, what they are changed to is told. */

import { addDays, monday, today } from "./times.js";
import { shownDate } from "./asked.js";
import { csvAddress } from "./server.js";
import { texts } from "./words.js";

const form = document.getElementById("controls");
const field = name => form.elements.namedItem(name);
const button = id => document.getElementById(id);

/** `change(part)` gets the part of `asked` that the person has changed. */
export function connect(asked, change) {
  const step = direction => {
    const { view } = asked();
    go(addDays(shownDate(asked()), direction * (view === "week" ? 7 : 1)));
  };
  const go = date => change({ date: date === today() ? null : date });
  button("before").addEventListener("click", () => step(-1));
  button("after").addEventListener("click", () => step(1));
  button("today").addEventListener("click", () => change({ date: null }));
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("change", ({ target }) => {
    if (target.name === "site") change({ site: target.value, cameras: null });
    if (target.name === "view") change({ view: target.value });
    if (target.name === "date" && target.value) go(target.value);
    if (target.name === "compare" && target.value !== "date") change({ compare: target.value });
    if (target.name === "compare" && target.value === "date") chooseOther(asked());
    if (target.name === "other" && target.value) change({ compare: target.value });
    if (target.name === "camera") change({ cameras: chosenCameras() });
  });
}

function chooseOther(asked) {
  const other = field("other");
  other.hidden = false;
  other.value ||= addDays(shownDate(asked), -1);
  other.focus();
  other.dispatchEvent(new Event("change", { bubbles: true }));
}

/** All of them is `null`; none is all too: there is nothing to see of no camera. */
function chosenCameras() {
  const boxes = [...form.querySelectorAll("[name=camera]")];
  const chosen = boxes.filter(box => box.checked).map(box => box.value);
  return chosen.length % boxes.length ? chosen : null;
}

/** Shows what is asked for. */
export function show(asked, site, sites) {
  const date = shownDate(asked);
  const week = asked.view === "week";
  button("sites").hidden = sites.length < 2;
  options(field("site"), sites.map(s => s.site), site.site);
  field("view").value = asked.view;
  Object.assign(field("date"), { value: date, min: site.first, max: site.last > today() ? site.last : today() });
  button("before").ariaLabel = texts().before[asked.view];
  button("after").ariaLabel = texts().after[asked.view];
  button("after").disabled = (week ? addDays(monday(date), 7) : addDays(date, 1)) > field("date").max;
  button("today").disabled = date === today();
  const absolute = asked.compare && !asked.compare.startsWith("-");
  button("comparison").hidden = week;
  field("compare").value = absolute ? "date" : asked.compare;
  Object.assign(field("other"), { hidden: !absolute, min: site.first, max: site.last });
  if (absolute) field("other").value = asked.compare;
  boxes(site.cameras, asked.cameras ?? site.cameras);
  button("csv").href = csvAddress(site.site, date, asked.cameras);
}

function options(select, names, chosen) {
  if (names.join("\n") !== [...select.options].map(o => o.value).join("\n")) {
    select.replaceChildren(...names.map(name => new Option(name, name)));
  }
  select.value = chosen;
}

function boxes(cameras, chosen) {
  const fieldset = button("cameras");
  const there = [...fieldset.querySelectorAll("input")];
  if (there.map(box => box.value).join("\n") !== cameras.join("\n")) {
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...cameras.map(box));
  }
  for (const input of fieldset.querySelectorAll("input")) input.checked = chosen.includes(input.value);
}

function box(camera) {
  const label = document.createElement("label");
  const input = Object.assign(document.createElement("input"), { type: "checkbox", name: "camera", value: camera });
  label.append(input, camera);
  return label;
}
