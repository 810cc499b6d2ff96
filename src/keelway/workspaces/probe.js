// Added to every HTML page of a preview: tells the Keelway page around it what the visitor sees.
// In a tab of its own it does nothing.
(() => {
  "use strict";
  if (window.parent === window) return;
  const page = "%PAGE%";
  let firstError = null;
  let sent = 0;
  let last = "";

  const post = (type, message) => {
    if (sent > 40) return;
    sent += 1;
    const path = location.pathname + location.search + location.hash;
    const said = { source: "keelway-preview", type, path: path.slice(0, 2000) };
    if (message) said.message = String(message).slice(0, 4000);
    window.parent.postMessage(said, page);
  };
  setInterval(() => { sent = 0; }, 1000);

  const failed = (message) => {
    firstError = firstError || message;
    post("error", message);
  };
  addEventListener("error", (event) => {
    if (!(event instanceof ErrorEvent)) return;
    const place = event.filename ? ` (${event.filename.replace(location.origin, "")}:${event.lineno})` : "";
    failed((event.message || "An error without a message") + place);
  });
  addEventListener("unhandledrejection", (event) => {
    const reason = event.reason;
    failed("Unhandled rejection: " + (reason && reason.message ? reason.message : reason));
  });

  const overlay = () => {
    const element = document.querySelector("vite-error-overlay");
    const body = element && element.shadowRoot && element.shadowRoot.querySelector(".message-body");
    return body ? body.textContent.trim() : null;
  };
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(element).visibility !== "hidden";
  };
  const drawn = () => {
    if (!document.body) return false;
    if (document.body.innerText.trim() !== "") return true;
    const shapes = "img,svg,canvas,video,iframe,input,button,select,textarea,[role=button]";
    return Array.from(document.body.querySelectorAll(shapes)).some(visible);
  };

  const watchUntilDrawn = () => {
    if (drawn()) post("loaded");
    else setTimeout(watchUntilDrawn, 1000);
  };
  const look = () => {
    const problem = overlay();
    if (problem) failed(problem);
    if (!drawn()) {
      post("blank", problem || firstError);
      watchUntilDrawn();
    }
  };
  const loaded = () => {
    post("loaded");
    setTimeout(look, 3000);
  };
  if (document.readyState === "complete") loaded();
  else addEventListener("load", loaded);

  const moved = () => {
    if (location.href === last) return;
    last = location.href;
    post("navigated");
  };
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...args) {
      const result = original.apply(this, args);
      moved();
      return result;
    };
  }
  addEventListener("popstate", moved);
  addEventListener("hashchange", moved);
  last = location.href;
})();
