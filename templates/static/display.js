/* The live page: asks what should hang here, and cross-fades to it. Written for Chrome 90 and Safari 15.
   The last slide is kept (this page's storage; its files with the worker), so that a reload with the service away shows it. */
(function () {
  "use strict";

  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage");
  const POLL_MS = Number(root.dataset.poll);
  const AWAY_MS = 12 * POLL_MS; // a minute at the usual pace
  const ANSWER_MS = 20000; // composing may take a slow machine a while
  const FADE_MS = 2000; // as in display.css
  const QUIET_MS = 3000; // the pointer and the bar go after this
  const MEMORY = "frontispiece:" + location.pathname;

  let current = null; // what hangs here: an answer of now.json
  let tag = ""; // its entity tag
  let failures = 0;
  let awaySince = null;
  let timer = 0;
  let asking = false;
  let again = false;

  const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
  const within = (ms, promise) => Promise.race([promise, sleep(ms).then(() => { throw new Error("too slow"); })]);
  const via = new URLSearchParams(location.search).get("via"); // the mark of the device that was sent here, if one was
  const even = (px) => Math.min(Math.max(px - (px % 8), 160), 3840);
  const address = () =>
    location.pathname + "/now.json?w=" + even(window.innerWidth) + "&h=" + even(window.innerHeight) +
    (via ? "&via=" + encodeURIComponent(via) : "");

  // ---- asking

  async function fetched() {
    const stop = new AbortController();
    const late = setTimeout(() => stop.abort(), ANSWER_MS);
    try {
      const answer = await fetch(address(), {
        cache: "no-store",
        headers: tag ? { "If-None-Match": tag } : {},
        signal: stop.signal,
      });
      if (answer.status === 304) return null;
      if (!answer.ok) throw new Error("answered " + answer.status);
      return { tag: answer.headers.get("ETag") || "", slide: await answer.json() };
    } finally {
      clearTimeout(late);
    }
  }

  async function ask() {
    if (asking) { again = true; return; }
    clearTimeout(timer);
    asking = true;
    again = false;
    try {
      const news = await fetched();
      if (news) {
        await hang(news.slide);
        tag = news.tag;
        remember(news);
      }
      failures = 0;
      awaySince = null;
      reloadForNewCode();
    } catch (error) {
      if (!failures) console.warn("frontispiece:", error);
      failures += 1;
      awaySince = awaySince || new Date();
    }
    asking = false;
    tell();
    if (again) { ask(); return; }
    const pause = Math.min(POLL_MS * Math.pow(2, Math.min(failures, 10)), failures ? AWAY_MS : POLL_MS);
    timer = setTimeout(ask, pause * (0.8 + 0.4 * Math.random()));
  }

  // ---- hanging

  async function hang(slide) {
    document.body.dataset.night = slide.night || "";
    if (current && current.html === slide.html) { current = slide; return; }
    const layer = document.createElement("div");
    layer.className = "layer";
    layer.lang = slide.language;
    layer.style.background = slide.background;
    layer.innerHTML = slide.html; // escaped where it was composed; and the page's policy runs no inline script
    const pictures = Array.from(layer.querySelectorAll("img"));
    for (const picture of pictures) {
      const painted = picture.classList.contains("pic");
      if (!picture.getAttribute("alt")) picture.alt = painted ? slide.alt : "";
      if (painted && slide.alt_language) picture.lang = slide.alt_language;
      picture.draggable = false;
    }
    layer.dataset.width = slide.width;
    layer.dataset.height = slide.height;
    place(layer);
    stage.appendChild(layer); // unseen, so that its fonts are fetched too
    try {
      await within(ANSWER_MS, Promise.all(pictures.map((picture) => picture.decode())));
      await Promise.race([document.fonts ? document.fonts.ready : null, sleep(QUIET_MS)]);
    } catch (error) {
      await withoutPictures(layer, slide, pictures);
      throw error;
    }
    await fade(layer, !current ? "at-once" : current.id === slide.id ? "soon" : "");
    current = slide;
  }

  // A slide is set for a size near the window's: it is scaled the last percent, to cover it. A remembered one for a
  // window of another shape is shown whole instead.
  function place(layer) {
    const slide = layer.querySelector(".slide");
    if (!slide) return;
    const width = Number(layer.dataset.width), height = Number(layer.dataset.height);
    const across = window.innerWidth / width, down = window.innerHeight / height;
    const alike = Math.abs(across / down - 1) < 0.06;
    const scale = alike ? Math.max(across, down) : Math.min(across, down);
    const left = (window.innerWidth - width * scale) / 2, top = (window.innerHeight - height * scale) / 2;
    slide.style.width = width + "px";
    slide.style.height = height + "px";
    slide.style.transform = scale === 1 ? "" : "translate(" + left + "px," + top + "px) scale(" + scale + ")";
  }

  // A picture cannot be had: what hangs stays; with nothing there yet, words are better than a void. It is asked for again.
  async function withoutPictures(layer, slide, pictures) {
    if (current) { layer.remove(); return; }
    for (const picture of pictures) if (!picture.naturalWidth) picture.remove();
    await fade(layer, "at-once");
    current = Object.assign({}, slide, { html: "" });
  }

  async function fade(layer, pace) {
    if (pace) layer.classList.add(pace);
    layer.getBoundingClientRect(); // settles the unseen state, so that the change is a transition
    layer.classList.add("shown");
    byId("waiting").hidden = true;
    const still = pace === "at-once" || matchMedia("(prefers-reduced-motion: reduce)").matches;
    // a timer, since a page in the background gets no transitionend
    await sleep(still ? 0 : pace === "soon" ? 400 : FADE_MS + 100);
    for (const old of Array.from(stage.children)) if (old !== layer) old.remove();
  }

  // ---- remembering

  function remember(news) {
    try {
      localStorage.setItem(MEMORY, JSON.stringify(news));
    } catch (error) { /* private window or full: it is only for a reload with the service away */ }
    keepFiles();
  }

  async function recall() {
    let news = null;
    try {
      news = JSON.parse(localStorage.getItem(MEMORY) || "null");
      if (news) await hang(news.slide);
    } catch (error) { /* written by another version, or its picture is gone: the first answer will do */ }
  }

  const files = new Set();

  function keepFiles() {
    const worker = navigator.serviceWorker && navigator.serviceWorker.controller;
    if (!worker || !current) return;
    for (const entry of performance.getEntriesByType("resource")) {
      const url = new URL(entry.name);
      if (url.origin === location.origin && url.pathname.startsWith("/static/")) files.add(url.pathname + url.search);
    }
    performance.clearResourceTimings(); // the browser holds 250; polling would fill them
    const keep = [location.pathname, ...files];
    if (current.picture) keep.push(current.picture);
    worker.postMessage({ page: location.pathname, keep: keep });
  }

  function register() {
    if (!navigator.serviceWorker) return; // needs https or localhost
    navigator.serviceWorker.addEventListener("controllerchange", keepFiles);
    navigator.serviceWorker.register("/static/worker.js", { scope: "/d/" }).catch(() => {});
  }

  // ---- a page that hangs for months gets new code once the service has some

  function reloadForNewCode() {
    if (!current || !current.shell || current.shell === root.dataset.shell || document.fullscreenElement) return;
    try {
      if (sessionStorage.getItem("shell") === current.shell) return; // tried already
      sessionStorage.setItem("shell", current.shell);
      location.reload();
    } catch (error) { /* no storage: stay as we are rather than reload for ever */ }
  }

  // ---- telling

  function tell() {
    const away = awaySince && failures > 2
      ? "The service has been away since " + awaySince.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
      : "";
    if (!current) {
      byId("waiting").hidden = false;
      byId("waiting-words").textContent = "Waiting for the service at " + location.host + "…";
    }
    const words = away || (current && current.note) || "";
    byId("words").textContent = words;
    byId("words").hidden = !words;
    byId("about").hidden = !current || !!away;
    if (current) {
      byId("about").href = current.page;
      document.title = current.title + " · " + root.dataset.display;
    }
  }

  // ---- the screen: awake, full, and without a pointer

  async function stayAwake() {
    if (!navigator.wakeLock || document.visibilityState !== "visible") return; // needs https or localhost
    try { await navigator.wakeLock.request("screen"); } catch (error) { /* low battery: the system knows better */ }
  }

  const enter = root.requestFullscreen || root.webkitRequestFullscreen;
  const leave = document.exitFullscreen || document.webkitExitFullscreen;

  function turnFull() {
    const full = document.fullscreenElement || document.webkitFullscreenElement;
    const done = full ? leave.call(document) : enter.call(root);
    if (done && done.catch) done.catch(() => {});
  }

  let quietTimer = 0;
  function stir() {
    document.body.classList.remove("quiet");
    clearTimeout(quietTimer);
    quietTimer = setTimeout(() => document.body.classList.add("quiet"), QUIET_MS);
  }

  let lastTap = 0;
  function tapped(event) {
    if (event.target.closest("#bar")) return;
    const twice = event.timeStamp - lastTap < 350;
    lastTap = twice ? 0 : event.timeStamp;
    if (twice && enter) turnFull();
  }

  let settling = 0;
  function resized() {
    Array.from(stage.children).forEach(place);
    clearTimeout(settling);
    settling = setTimeout(ask, 250);
  }

  function listen() {
    window.addEventListener("resize", resized);
    window.addEventListener("orientationchange", resized);
    window.addEventListener("online", ask);
    window.addEventListener("pageshow", (event) => { if (event.persisted) ask(); });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") { stayAwake(); ask(); }
    });
    document.addEventListener("pointermove", stir);
    document.addEventListener("pointerdown", stir);
    document.addEventListener("pointerup", tapped);
    document.addEventListener("keydown", (event) => { if (event.key === "f" && enter) turnFull(); });
    byId("full").hidden = !enter;
    byId("full").addEventListener("click", turnFull);
  }

  document.body.classList.add("quiet");
  byId("waiting").hidden = false;
  listen();
  register();
  stayAwake();
  recall().then(ask);
})();
