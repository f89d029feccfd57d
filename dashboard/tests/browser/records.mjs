/** Records as the plugin writes them, in a folder that `maskcount-dashboard serve` reads. */

import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const MINUTE = 60;
export const WINDOW = 20 * MINUTE;

/** Seconds as RFC 3339. */
export const utc = at => new Date(at * 1000).toISOString().replace(".000", "");

/**
 * A record; the share is as counted, its interval Wilson's. `start` in seconds; `changes` replace fields.
 * 171 of 198 with a mask are 86 % (81–90).
 */
export function record(camera, start, { masked, unmasked, unknown = 0, withdrawn = 0, length = WINDOW, ...changes }) {
  const classified = masked + unmasked;
  const share = masked / classified;
  const [low, high] = wilson(share, classified);
  const frames = length * 15;
  return {
    schema: "maskcount/1",
    site: "forville",
    camera,
    start: utc(start),
    end: utc(start + length),
    complete: true,
    persons: classified + unknown,
    masked,
    unmasked,
    incorrect: 0,
    unknown,
    masked_share: round(share),
    share_low: round(low),
    share_high: round(high),
    masked_share_raw: round(share),
    withdrawn,
    coverage: 1,
    frames,
    frames_analysed: frames,
    low_confidence: high - low > 0.2,
    privacy: { min_persons: 10, epsilon: 0, extended_windows: 0 },
    model: { name: "test", sha256: "0".repeat(64) },
    version: "0.1.0",
    ...changes,
  };
}

const round = part => Math.round(part * 1000) / 1000;

/** The 95 % interval of a share of n. */
export function wilson(share, n) {
  const z = 1.959964;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [middle - half, middle + half];
}

/** Writes a sidecar as the plugin does: whole, or not at all. */
export async function write(folder, record) {
  await mkdir(folder, { recursive: true });
  const name = `${record.camera}-${record.start.replace(/[-:]/g, "")}.json`;
  await writeFile(join(folder, `.${name}`), JSON.stringify(record));
  await rename(join(folder, `.${name}`), join(folder, name));
}
