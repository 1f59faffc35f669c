// Makes the page of processes move: rows are told by the server and put where they belong.
// Nothing that comes from there is ever made into markup: it becomes text, or the value of a form.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const search = $("search").elements.q;
  const filters = [...document.querySelectorAll("[data-filter]")];
  const CELLS = ["pid", "cpu", "memory", "files", "restarts", "note", "fix"];
  const WORSE = new Set(["FATAL", "BACKOFF", "EXITED"]);
  let rows = new Map();
  let skew = 0; // of our clock to the server's, in seconds
  let state = document.querySelector("[data-filter][aria-current]")?.dataset.filter ?? "";
  let source = null;
  let retry = 0;

  document.documentElement.classList.add("scripted");
  $("keys").hidden = false;

  // ---- words

  const now = () => Date.now() / 1000 + skew;

  function span(seconds) {
    const left = Math.max(0, Math.floor(seconds));
    const days = Math.floor(left / 86400);
    const hours = Math.floor(left / 3600) % 24;
    const minutes = Math.floor(left / 60) % 60;
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min ${left % 60} s` : `${left} s`;
  }

  const spelled = (name) => name.charAt(0) + name.slice(1).toLowerCase();

  function put(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // ---- rows

  function collect() {
    rows = new Map();
    for (const row of document.querySelectorAll("tr[data-name]")) rows.set(row.dataset.name, row);
  }

  const cell = (row, name) => row.querySelector(`[data-cell="${name}"]`);

  function fill(row, told) {
    if (row.dataset.state !== told.state) {
      announce(told);
      row.dataset.state = told.state;
      row.classList.remove("busy");
      flash(row);
    }
    row.toggleAttribute("data-ill", !told.ok);
    put(cell(row, "state"), spelled(told.state));
    for (const name of CELLS) put(cell(row, name), String(told[name] || ""));
    cell(row, "files").classList.toggle("crowded", told.crowded);
    cell(row, "uptime").dataset.since = told.since;
    const ended = cell(row, "ended");
    ended.dataset.at = told.ended;
    if (told.ended) ended.dateTime = new Date(told.ended * 1000).toISOString();
    age(row);
  }

  function age(row) {
    const since = Number(cell(row, "uptime").dataset.since);
    put(cell(row, "uptime"), since ? span(now() - since) : "");
    const at = Number(cell(row, "ended").dataset.at);
    put(cell(row, "ended"), at ? `${span(now() - at)} ago` : "");
  }

  function flash(row) {
    row.classList.remove("changed");
    void row.offsetWidth;
    row.classList.add("changed");
  }

  function announce(told) {
    if (WORSE.has(told.state) && !told.ok) {
      $("spoken").textContent = `${told.name}: ${spelled(told.state)}. ${told.note}`;
    }
  }

  // ---- what is shown

  function count() {
    const counts = new Map();
    let ill = 0;
    for (const row of rows.values()) {
      counts.set(row.dataset.state, (counts.get(row.dataset.state) ?? 0) + 1);
      ill += row.hasAttribute("data-ill") ? 1 : 0;
    }
    for (const link of filters) {
      const name = link.dataset.filter;
      const found = name ? counts.get(name) ?? 0 : rows.size;
      put(link.querySelector("b"), String(found));
      link.parentElement.hidden = name !== "" && !found && name !== state;
    }
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = ill ? `(${ill}) ${title}` : title;
  }

  function filter() {
    const word = search.value.trim().toLowerCase();
    let shown = 0;
    for (const [name, row] of rows) {
      const group = row.parentElement.querySelector("tr.group th")?.firstChild.nodeValue.trim() ?? "";
      const fits = `${group}:${name}`.toLowerCase().includes(word);
      const visible = fits && (!state || row.dataset.state === state);
      if (row.hidden === visible) row.hidden = !visible;
      shown += visible ? 1 : 0;
    }
    $("empty").hidden = shown > 0;
    for (const link of filters) {
      if (link.dataset.filter === state) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function remember() {
    const query = new URLSearchParams();
    if (search.value.trim()) query.set("q", search.value.trim());
    if (state) query.set("state", state);
    history.replaceState(null, "", query.size ? `./?${query}` : "./");
  }

  search.addEventListener("input", () => {
    filter();
    remember();
  });
  $("search").addEventListener("submit", (event) => event.preventDefault());
  for (const link of filters) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      state = link.dataset.filter;
      filter();
      count();
      remember();
    });
  }

  // ---- the keyboard

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.select();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      filter();
      remember();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      step(event, event.key === "ArrowDown" ? 1 : -1);
    }
  });

  const controls = (row) =>
    [...row.querySelectorAll(".deeds button, .deeds a")].filter((each) => each.offsetParent);

  function step(event, by) {
    const inSearch = document.activeElement === search;
    const row = document.activeElement.closest?.("#processes tr");
    if (!row && !(inSearch && by > 0)) return;
    const all = [...document.querySelectorAll("#processes tbody tr")].filter(
      (each) => each.offsetParent && controls(each).length,
    );
    const target = row ? all[all.indexOf(row) + by] : all[0];
    event.preventDefault();
    if (!target) {
      if (by < 0) search.focus();
      return;
    }
    const column = row ? controls(row).indexOf(document.activeElement) : 0;
    const there = controls(target);
    there[Math.min(column, there.length - 1)].focus();
    target.scrollIntoView({ block: "nearest" });
  }

  // ---- doing something

  function say(text, ok) {
    const message = $("message");
    message.className = `message ${ok ? "done" : "failed"}`;
    message.textContent = text;
  }

  const ASKS = /^(clearlog|stopgroup|restartgroup|stopall|restartall)\b/; // by a page of its own

  document.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (event.target.method !== "post" || !button || ASKS.test(button.value)) return;
    event.preventDefault();
    const row = button.closest("tr");
    row?.classList.add("busy");
    try {
      const answer = await fetch(event.target.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(new FormData(event.target, button)),
      });
      const kind = answer.headers.get("content-type") ?? "";
      if (!kind.startsWith("application/json")) {
        location.reload(); // the page was an old one
        return;
      }
      const said = await answer.json();
      say(said.message, said.ok);
    } catch {
      say("The gateway does not answer.", false);
    } finally {
      row?.classList.remove("busy");
    }
    if (!button.offsetParent && row) controls(row)[0]?.focus();
  });

  // ---- news

  async function again() {
    // Programs came or went: the server writes the table, we only take it over.
    const answer = await fetch("./");
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = fresh.getElementById("processes");
    if (!main) return;
    const held = document.activeElement?.value;
    $("processes").replaceWith(document.adoptNode(main));
    collect();
    filter();
    count();
    if (held) [...document.querySelectorAll("button")].find((each) => each.value === held)?.focus();
  }

  function hear(told) {
    skew = told.now - Date.now() / 1000;
    put($("phase"), told.phase);
    const known = !told.names || told.names.every((name) => rows.has(name));
    if (!known || (told.names && told.names.length !== rows.size)) {
      again();
      return;
    }
    for (const each of told.rows) {
      const row = rows.get(each.name);
      if (row) fill(row, each);
    }
    if (told.rows.length) {
      count();
      filter();
    }
  }

  function listen() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("live");
    source.addEventListener("rows", (event) => {
      $("live").hidden = false;
      $("live").className = "live";
      $("live").textContent = "live";
      hear(JSON.parse(event.data));
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
    clearTimeout(retry);
    if (document.hidden) source?.close();
    else listen();
  });

  collect();
  filter();
  count();
  listen();
  setInterval(() => {
    if (!document.hidden) for (const row of rows.values()) if (!row.hidden) age(row);
  }, 1000);
})();
