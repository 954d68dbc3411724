/* A screen that waits to be paired: asks whether it still has to, and loads its page again when not. */
(function () {
  "use strict";
  const ASK_MS = 2000;

  async function ask() {
    try {
      const size = "?w=" + window.innerWidth + "&h=" + window.innerHeight;
      const answer = await fetch("/pair/now" + size, { cache: "no-store" });
      if (answer.ok && !(await answer.json()).waits) {
        location.replace("/pair");
        return;
      }
    } catch (error) { /* the service is away: the code stands, and it is asked again */ }
    setTimeout(ask, ASK_MS);
  }

  ask();
})();
