// Rows that have every word that is searched for; without this script all rows are there.
(() => {
  "use strict";
  const search = document.getElementById("board-search");
  const rows = [...document.querySelectorAll("#board tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, at) => { row.hidden = !words.every((word) => texts[at].includes(word)); });
    const shown = rows.filter((row) => !row.hidden).length;
    document.getElementById("board-count").textContent = `${shown} of ${rows.length} shown`;
  };
  document.getElementById("board-filter").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", update);
  update();
})();
