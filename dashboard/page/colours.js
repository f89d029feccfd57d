/** The colours of the charts are those of style.css, in the theme of the element. */

const NAMES = ["surface", "ink", "muted", "grid", "bar", "share", "band", "other", "gap"];

export function coloursOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
}
