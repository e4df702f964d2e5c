// Before the first paint: the theme that was chosen last time, and which part of the page the address means.
(() => {
  "use strict";
  const page = document.documentElement;
  page.classList.add("js");
  page.dataset.view = /^#\/([a-z]+)/.exec(location.hash)?.[1] ?? "overview";
  try {
    page.dataset.theme = localStorage.getItem("bench-theme") ?? "auto";
  } catch {
    page.dataset.theme = "auto"; // A browser that keeps nothing for files.
  }
})();
