/** The records that the tests look at. */

import { record, WINDOW } from "./records.mjs";
import { at, day } from "./stage.mjs";

/** Today at one camera of forville: the example of the headline. */
export const forville = [record("forville-1", at(day(), 8, 40), { masked: 171, unmasked: 27, unknown: 14, withdrawn: 1 })];

const palm = (camera, date, hour, minute, counts) => record(camera, at(date, hour, minute), { site: "palm", ...counts });

/**
 * Yesterday at two cameras of palm: two windows of both, a gap, one of a camera alone that did not run through, one
 * with few people. The day before: one window of each hour, for comparison.
 */
export const palms = [
  palm("palm-1", day(-1), 8, 0, { masked: 80, unmasked: 20 }),
  palm("palm-2", day(-1), 8, 0, { masked: 45, unmasked: 5, unknown: 3, withdrawn: 2 }),
  palm("palm-1", day(-1), 8, 20, { masked: 90, unmasked: 30 }),
  palm("palm-2", day(-1), 8, 20, { masked: 50, unmasked: 10 }),
  palm("palm-1", day(-1), 9, 0, { masked: 60, unmasked: 40, complete: false, coverage: 0.5 }),
  palm("palm-1", day(-1), 9, 20, { masked: 8, unmasked: 4 }),
  palm("palm-2", day(-1), 9, 20, { masked: 7, unmasked: 3 }),
  palm("palm-1", day(-2), 8, 0, { masked: 120, unmasked: 10 }),
  palm("palm-1", day(-2), 9, 0, { masked: 100, unmasked: 30 }),
];

/** A whole day and night of windows at a third site, three days ago: the longest report. */
export const roundTheClock = Array.from({ length: (24 * 3600) / WINDOW }, (_, n) => n)
  .filter(n => n % 20 !== 7)
  .map(n =>
    record("quay-1", at(day(-3), 0) + n * WINDOW, {
      site: "quay",
      masked: 20 + n,
      unmasked: 10,
      complete: n % 10 !== 3,
    }),
  );

/**
 * A site whose second camera may give out single people: two days ago the stricter one alone was up, and the week before;
 * yesterday three people came by the other one.
 */
export const mole = [
  ...[day(-9), day(-2)].map(date => record("mole-1", at(date, 10), { site: "mole", masked: 15, unmasked: 5 })),
  record("mole-2", at(day(-1), 10), {
    site: "mole",
    masked: 2,
    unmasked: 1,
    privacy: { min_persons: 1, epsilon: 0, extended_windows: 0 },
  }),
];

/** A trial with windows of ten seconds, two days ago. */
export const trial = [0, 1, 3].map(n =>
  record("trial-1", at(day(-2), 10, 0) + 10 * n, { site: "trial", length: 10, masked: 8, unmasked: 4 }),
);
