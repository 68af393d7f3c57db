"use strict";
// Shows the probes that the text and the chosen verdict leave, and the rules that still have one.
(() => {
  const box = document.getElementById("filter");
  const chips = [...document.querySelectorAll("[data-show]")];
  const rules = [...document.querySelectorAll("details.rule")].map((details) => ({
    details,
    opened: details.open,
    rows: [...details.querySelectorAll("tbody tr")].map((row) => ({
      row,
      verdict: row.dataset.verdict,
      text: (row.dataset.call + " " + row.textContent).toLowerCase(),
    })),
    head: (details.querySelector("summary .id").textContent + " " + details.querySelector(".place").textContent).toLowerCase(),
  }));
  const nothing = document.getElementById("nothing");
  const fold = document.getElementById("fold");
  let show = "";

  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = words.length > 0 || show !== "";
    let any = false;
    for (const rule of rules) {
      let left = 0;
      for (const { row, verdict, text } of rule.rows) {
        const fits = (show === "" || verdict === show) && words.every((word) => text.includes(word) || rule.head.includes(word));
        row.hidden = !fits;
        if (fits) left += 1;
      }
      const shown = left > 0 || (!active && rule.rows.length === 0);
      rule.details.hidden = !shown;
      rule.details.open = active ? shown : rule.opened;
      any = any || shown;
    }
    nothing.hidden = any;
  };

  box.addEventListener("input", apply);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      show = chip.dataset.show;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      apply();
    });
  }
  fold.addEventListener("click", () => {
    const open = fold.textContent === "open all";
    for (const rule of rules) {
      rule.opened = open;
      rule.details.open = open;
    }
    fold.textContent = open ? "close all" : "open all";
  });
  // "/" goes to the filter, as in many places.
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) {
      event.preventDefault();
      box.focus();
    }
  });
})();
