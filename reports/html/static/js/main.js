// Which view the address means, and the keyboard's place in it.
const VIEWS = {
  overview: () => {},
  tables: showTables,
  claims: () => {},
  published: () => {},
  pairs: () => {},
  runs: showRuns,
  plots: showPlots,
  run: showRun,
  compare: showCompare,
};

async function start() {
  startTheme();
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // The address belongs to the views.
    document.getElementById("content").focus();
  });
  const runs = new Runs(await decodeBlock("data"));
  let shown = false;
  const show = async () => {
    delete document.documentElement.dataset.ready;
    // A link inside a table, to its footnotes, names a place and no view.
    const place = location.hash.startsWith("#/") ? null : document.getElementById(location.hash.slice(1));
    const wanted = place?.closest(".view")?.id.replace("view-", "") ?? address().view;
    const view = document.getElementById(`view-${wanted}`) && Object.hasOwn(VIEWS, wanted) ? wanted : "overview";
    document.documentElement.dataset.view = view;
    for (const link of document.querySelectorAll("[data-nav]")) {
      if (link.dataset.nav === view || (["run", "compare"].includes(view) && link.dataset.nav === "runs")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const drawn = VIEWS[view](runs, document.getElementById(view));
    const title = document.getElementById(`title-${view}`);
    document.title = `${title.textContent} · Latency report`;
    if (place) place.scrollIntoView();
    else if (shown) {
      scrollTo(0, 0);
      title.focus({ preventScroll: true });
    }
    shown = true;
    await drawn;
    document.documentElement.dataset.ready = location.hash;
  };
  addEventListener("hashchange", () => show().catch(failed));
  await show();
  const headline = headlineChart(runs);
  if (headline) {
    const place = document.getElementById("overview-figure");
    place.hidden = false;
    place.append(headline);
  }
}

function failed(error) {
  const problem = document.getElementById("problem");
  problem.hidden = false;
  problem.textContent = typeof DecompressionStream === "undefined"
    ? "This browser is too old to unpack the runs (it has no DecompressionStream): the overview and the tables are complete, runs and plots need a browser of 2023 or later."
    : `The page could not be shown: ${error.message}. The file may be incomplete.`;
  console.error(error);
}

start().catch(failed);
