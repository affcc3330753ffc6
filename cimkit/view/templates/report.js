"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const page = document.documentElement;

  const speak = (lang) => {
    page.dataset.lang = lang;
    page.lang = lang === "en" ? "en" : "zh";
    all("button[data-say]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.say === lang)));
  };
  all("button[data-say]").forEach((b) => b.addEventListener("click", () => speak(b.dataset.say)));
  all("button[data-print]").forEach((b) => b.addEventListener("click", () => window.print()));

  const key = (row, column) => {
    const cell = row.cells[column];
    const raw = cell.dataset.value ?? cell.textContent.trim();
    const number = Number(raw);
    return raw !== "" && !Number.isNaN(number) ? number : raw;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "zh"));
  all("th[data-sort]").forEach((head) => head.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    all("th", head.parentNode).forEach((h) => h.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].sort((a, b) => compare(key(a, head.cellIndex), key(b, head.cellIndex)));
    body.append(...(down ? rows.reverse() : rows));
  }));

  all("[data-filter]").forEach((bar) => {
    const rows = all("tbody tr", document.getElementById(bar.dataset.filter));
    const search = bar.querySelector("input");
    let verdict = "";
    const apply = () => {
      const words = search.value.trim().toLowerCase();
      rows.forEach((r) => {
        r.hidden = (verdict !== "" && r.dataset.verdict !== verdict) || !r.textContent.toLowerCase().includes(words);
      });
    };
    all("button", bar).forEach((b) => b.addEventListener("click", () => {
      verdict = b.dataset.verdict;
      all("button", bar).forEach((o) => o.setAttribute("aria-pressed", String(o === b)));
      apply();
    }));
    search.addEventListener("input", apply);
  });

  const house = (id) => id.split("/")[0];
  const choose = (id, scroll) => {
    all(".chosen").forEach((e) => e.classList.remove("chosen"));
    all("[data-id]").filter((e) => e.dataset.id === id || (e.matches(".house") && e.dataset.id === house(id)))
      .forEach((e) => e.classList.add("chosen"));
    if (scroll) (view?.cim ? view : document.getElementById("plans"))?.scrollIntoView({ behavior: "smooth", block: "center" });
  };
  const view = document.querySelector(".cim-view");
  const both = (id, scroll, spot) => {
    choose(id, scroll);
    view?.dispatchEvent(new CustomEvent("cim-choose", { detail: { id, spot } }));
  };
  const spot = (e) => (e.dataset.spot ? e.dataset.spot.split(" ").map(Number) : null);
  all("tr[data-id]").forEach((r) => r.addEventListener("click", () => both(r.dataset.id, r.dataset.go === "plan", spot(r))));
  all(".house[data-id], .mark[data-id]").forEach((e) => e.addEventListener("click", () => both(e.dataset.id, false)));
  view?.addEventListener("cim-pick", (e) => choose(e.detail.id ?? "", false));

  all("[data-walk-plan]").forEach((figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const unit = " min";
    const show = (code) => {
      const minutes = data.minutes[code];
      all(".house", figure).forEach((h) => {
        const m = minutes[Number(h.dataset.row)];
        const k = m === null ? -1 : data.edges.filter((e) => m >= e).length;
        h.setAttribute("fill", k < 0 ? "#c9ced3" : data.colours[k]);
        const title = h.querySelector("title");
        title.textContent = title.textContent.split("\n")[0] + (k < 0 ? "" : "\n" + (m > 9000 ? "∞" : m + unit));
      });
      all("[data-service]", figure).forEach((g) => g.toggleAttribute("hidden", g.dataset.service !== code));
    };
    figure.querySelector("select").addEventListener("change", (e) => show(e.target.value));
  });

  speak(page.dataset.lang);
})();
