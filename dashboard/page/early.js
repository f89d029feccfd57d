// Runs before the first paint: the theme and the language chosen on this machine, or else the system's.
(() => {
  const remembered = key => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // The browser keeps nothing for this page.
    }
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const theme = () => {
    root.dataset.theme = remembered("maskcount-theme") ?? (dark.matches ? "dark" : "light");
  };
  theme();
  dark.addEventListener("change", () => {
    theme();
    root.dispatchEvent(new Event("themechange"));
  });
  root.lang = remembered("maskcount-language") ?? (navigator.language.startsWith("fr") ? "fr" : "en");
})();
