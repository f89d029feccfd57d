/** Waiting for conditions, never for a time. */

const PATIENCE = 20_000; // milliseconds until a condition counts as never met
const EVERY = 25;

export async function until(condition, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${PATIENCE / 1000} s in vain for: ${what}`);
    await new Promise(done => setTimeout(done, EVERY));
  }
}

/** The first group of the pattern in what a process says. */
export function firstLine(process, pattern) {
  return new Promise((found, failed) => {
    let said = "";
    process.stdout.on("data", chunk => {
      said += chunk;
      const match = said.match(pattern);
      if (match) found(match[1]);
    });
    process.on("error", failed);
    process.on("exit", code => failed(new Error(`ended with ${code} before it said ${pattern}: ${said}`)));
  });
}
