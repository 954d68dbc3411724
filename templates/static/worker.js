/* Keeps what a live page needs to start with the service away: the page itself, its files, the last picture.
   The page says what that is; this only holds it, one cache for each page. */
"use strict";

const PREFIX = "frontispiece:";
const PATIENCE_MS = 6000; // for a service that takes connections but does not answer

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  if (event.data && event.data.keep) event.waitUntil(keep(event.data.page, event.data.keep));
});

async function keep(page, wanted) {
  const cache = await caches.open(PREFIX + page);
  const urls = new Set(wanted.map((path) => new URL(path, self.location.origin).href));
  const held = new Set();
  for (const request of await cache.keys()) {
    if (urls.has(request.url)) held.add(request.url);
    else await cache.delete(request);
  }
  // what has a version never changes; the rest is fetched anew, and costs a 304
  const missing = Array.from(urls).filter((url) => !held.has(url) || !url.includes("v="));
  await Promise.all(missing.map((url) => fetch(url, { cache: "no-cache" })
    .then((answer) => (answer.ok ? cache.put(url, answer) : undefined))
    .catch(() => {})));
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.endsWith("/now.json")) return; // the page knows best what to do about silence
  if (url.searchParams.has("v")) event.respondWith(heldFirst(event.request));
  else event.respondWith(askedFirst(event.request));
});

async function heldFirst(request) {
  return (await caches.match(request)) || fetch(request);
}

async function askedFirst(request) {
  // a page is the same page whatever its query says
  const held = await caches.match(request, { ignoreSearch: request.mode === "navigate" });
  if (!held) return fetch(request);
  try {
    const answer = await Promise.race([fetch(request), new Promise((done) => setTimeout(done, PATIENCE_MS))]);
    return answer && answer.status < 500 ? answer : held;
  } catch (error) {
    return held;
  }
}
