/* A subject's page: the part that changes while it is learned is asked for again; what the owner types stays. */
(function () {
  "use strict";
  const WORST_MS = 20000;
  let shown = "";

  async function ask() {
    const part = document.getElementById("lesson");
    if (!part) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.from, { cache: "no-store" });
        const text = answer.ok ? await answer.text() : "";
        if (text && text !== shown) {
          const fresh = document.createElement("template");
          fresh.innerHTML = text; // escaped where it was composed; and the page's policy runs no inline script
          if (shown || Number(part.dataset.every) < WORST_MS) part.replaceWith(fresh.content);
          shown = text;
        }
      } catch (error) { /* the service is away: what is shown stands, and it is asked again */ }
    }
    setTimeout(ask, Number(document.getElementById("lesson").dataset.every));
  }

  ask();
})();
