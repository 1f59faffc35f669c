// Follows the output of a process.  What it prints becomes text and nothing else.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const log = $("log");
  const MOST = 2_000_000; // characters kept on the page
  const ESCAPES =
    /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?=\n)/g;
  let paused = false;
  let held = []; // what came while paused
  let size = log.textContent.length;
  let rest = ""; // an escape sequence that is not whole yet
  let source = null;
  let retry = 0;

  $("pause").hidden = false;
  $("refresh").hidden = true;

  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 24;

  function toEnd() {
    log.scrollTop = log.scrollHeight;
    $("follow").hidden = true;
  }

  function plain(text) {
    const whole = rest + text;
    const cut = whole.slice(-200).search(/\x1b[^\x07a-zA-Z]*$|\r$/);
    const end = cut < 0 ? whole.length : whole.length - Math.min(200, whole.length) + cut;
    rest = whole.slice(end);
    return whole.slice(0, end).replace(ESCAPES, "").replace(/\r/g, "\n");
  }

  function add(text) {
    const clean = plain(text);
    if (!clean) return;
    const follow = atEnd();
    log.append(document.createTextNode(clean));
    size += clean.length;
    while (size > MOST && log.childNodes.length > 1) {
      size -= log.firstChild.length;
      log.firstChild.remove();
    }
    $("empty").hidden = true;
    if (follow) toEnd();
    else $("follow").hidden = false;
  }

  function clear() {
    log.replaceChildren();
    size = 0;
    rest = "";
  }

  function hear(told) {
    if (told.event === "dropped") {
      add(`\n[${told.count} pieces of output came faster than they were taken]\n`);
    } else if ("captured" in told) {
      // The first one: what is there already, of which we may show a part from before.
      if (paused) return;
      if (told.text) clear();
      add(told.text);
      toEnd();
    } else if (paused) {
      held.push(told.text);
      if (held.length > 20000) held.shift();
      put(`Paused; ${held.length} more to show`);
    } else {
      add(told.text);
    }
  }

  function put(text) {
    const pause = $("pause");
    pause.textContent = text.startsWith("Paused") && held.length ? `Go on (${held.length})` : text;
  }

  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    if (!paused) {
      for (const text of held) add(text);
      held = [];
      toEnd();
    }
    put(paused ? "Paused" : "Pause");
  });
  $("follow").addEventListener("click", () => {
    toEnd();
    log.focus();
  });
  log.addEventListener("scroll", () => {
    if (atEnd()) $("follow").hidden = true;
  });
  try {
    $("wrap").checked = localStorage.getItem("wrap") !== "no";
    $("wrap").addEventListener("change", () => {
      localStorage.setItem("wrap", $("wrap").checked ? "yes" : "no");
    });
  } catch {
    // a browser that keeps nothing
  }

  function listen() {
    const { name, stream } = log.dataset;
    clearTimeout(retry);
    source?.close();
    source = new EventSource(`follow?${new URLSearchParams({ processname: name, stream })}`);
    source.onopen = () => {
      $("live").hidden = false;
      $("live").className = "live";
      $("live").textContent = "live";
    };
    source.addEventListener("output", (event) => hear(JSON.parse(event.data)));
    source.addEventListener("dropped", (event) => hear(JSON.parse(event.data)));
    source.addEventListener("state", (event) => {
      const told = JSON.parse(event.data);
      $("state").textContent = told.state.charAt(0) + told.state.slice(1).toLowerCase();
      $("dot").dataset.state = told.state;
    });
    source.onerror = () => {
      $("live").hidden = false;
      $("live").className = "live lost";
      $("live").textContent = "connecting";
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, 3000);
    };
  }

  // A page that nobody looks at holds no connection: browsers have only six for a host.
  document.addEventListener("visibilitychange", () => {
    if (paused) return;
    clearTimeout(retry);
    if (document.hidden) source?.close();
    else listen();
  });

  toEnd();
  listen();
})();
