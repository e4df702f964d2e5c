// Light, dark, or as the system: canvases have to be drawn again when it changes.
const SERIES_COLOURS = 7; // in the order of reports/plots/style.py
const themeListeners = new Set();

function startTheme() {
  const select = document.getElementById("theme");
  select.value = document.documentElement.dataset.theme;
  select.addEventListener("change", () => {
    document.documentElement.dataset.theme = select.value;
    try {
      localStorage.setItem("bench-theme", select.value);
    } catch {
      // A browser that keeps nothing for files: the choice holds for this visit.
    }
    themeListeners.forEach((listener) => listener());
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => themeListeners.forEach((listener) => listener()));
}

/** The colours of this moment, for canvases, which do not know those of the style sheet. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: of("text"),
    muted: of("muted"),
    line: of("line"),
    back: of("back"),
    series: Array.from({ length: SERIES_COLOURS }, (_, place) => of(`series-${place + 1}`)),
  };
}
