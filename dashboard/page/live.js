/** How many faces are in view now, over the cameras that are looked at. */

import { number, put, texts } from "./words.js";

/** The plugin tells once a second; a camera that has been silent for longer is left out. Milliseconds. */
const FRESH = 5000;

const KINDS = { masked: "mask", unmasked: "no_mask", incorrect: "incorrect", unknown: "unknown" };

export class Live {
  constructor(line) {
    this.line = line;
    this.latest = new Map();
    setInterval(() => this.show(), 1000);
  }

  /** Whose messages are shown. */
  watch(site, cameras) {
    this.site = site;
    this.cameras = cameras;
    this.show();
  }

  take(message) {
    this.latest.set(`${message.site}\n${message.camera}`, { ...message, arrived: Date.now() });
    this.show();
  }

  show() {
    const now = Date.now();
    const fresh = [...this.latest.values()].filter(
      m => m.site === this.site && this.cameras.includes(m.camera) && now - m.arrived < FRESH,
    );
    this.line.hidden = fresh.length === 0;
    if (fresh.length) put(this.line, sentence(fresh));
  }
}

function sentence(messages) {
  const say = texts().live;
  const sum = kind => messages.reduce((all, m) => all + m[KINDS[kind]], 0);
  const all = Object.keys(KINDS).reduce((n, kind) => n + sum(kind), 0);
  const parts = Object.keys(KINDS).filter(sum).map(kind => say[kind](number(sum(kind))));
  return [`${say.now} ${say.faces(number(all), all)}`, ...parts].join(" · ");
}
