/** Language and theme: read before the first paint by early.js, changed and remembered here. */

const root = document.documentElement;

export const language = () => root.lang;
export const theme = () => root.dataset.theme;

export function setLanguage(name) {
  root.lang = name;
  remember("maskcount-language", name);
}

export function setTheme(name) {
  root.dataset.theme = name;
  remember("maskcount-theme", name);
  root.dispatchEvent(new Event("themechange"));
}

export function onTheme(changed) {
  root.addEventListener("themechange", changed);
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // The browser keeps nothing for this page: the choice lasts until it is left.
  }
}
