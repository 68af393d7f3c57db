"use strict";
// Folds what is behind each value, filters, and leads links to where they point. Without it everything is there, unfolded.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const search = document.getElementById("search");
  const family = document.getElementById("family");
  const call = document.getElementById("call");
  const count = document.getElementById("count");
  const nothing = document.getElementById("nothing");
  const chips = all("[data-show]", document.querySelector(".chips"));
  let show = "";

  const calls = all("section.call").map((section) => ({
    section,
    groups: all("tbody.argument", section).map((group) => ({
      group,
      features: all("tr.feature", group).map((row) => ({
        row,
        detail: row.nextElementSibling,
        button: row.querySelector(".toggle"),
      })),
      undeclared: all("tr.undeclared", group).map((row) => ({
        row,
        details: row.querySelector("details"),
        outcomes: all(".outcome", row).map((outcome) => ({ outcome, values: all("li", outcome) })),
      })),
    })),
  }));
  const features = calls.flatMap(({ groups }) => groups.flatMap((group) => group.features));

  const unfold = (feature, open) => {
    feature.detail.dataset.open = open ? "1" : "";
    feature.button.setAttribute("aria-expanded", String(open));
    feature.detail.hidden = !open || feature.row.hidden;
  };
  for (const feature of features) {
    unfold(feature, false);
    feature.button.addEventListener("click", () => {
      const open = feature.detail.dataset.open !== "1";
      unfold(feature, open);
      if (open) history.replaceState(null, "", "#" + feature.row.id);
    });
  }

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => words.every((word) => text.includes(word));
    let shown = 0;
    for (const { section, groups } of calls) {
      let inCall = 0;
      const ofCall = call.value === "" || section.dataset.call === call.value;
      for (const { group, features, undeclared } of groups) {
        let inGroup = 0;
        for (const feature of features) {
          const { row, detail } = feature;
          const fits =
            ofCall &&
            (show === "" || row.dataset.show.split(" ").includes(show)) &&
            (family.value === "" || row.dataset.families.split(" ").includes(family.value)) &&
            has(row.dataset.text);
          row.hidden = !fits;
          detail.hidden = !fits || detail.dataset.open !== "1";
          inGroup += fits;
        }
        for (const { row, details, outcomes } of undeclared) {
          let left = 0;
          for (const { outcome, values } of outcomes) {
            let here = 0;
            for (const value of values) {
              const fits =
                ofCall &&
                (show === "" || (show === "bad" && row.dataset.show === "bad")) &&
                has(row.dataset.text + " " + outcome.dataset.text + " " + value.dataset.text);
              value.hidden = !fits;
              here += fits;
            }
            outcome.hidden = here === 0;
            left += here;
          }
          row.hidden = left === 0;
          // What a word was found in is shown.
          const context = has(row.dataset.text);
          if (words.length > 0 && left > 0 && !context) details.open = true;
          inGroup += left;
        }
        group.hidden = inGroup === 0;
        inCall += inGroup;
      }
      section.hidden = inCall === 0;
      shown += inCall;
    }
    for (const cell of all("[data-family]")) {
      if (cell.closest(".matrix")) cell.hidden = family.value !== "" && cell.dataset.family !== family.value;
    }
    count.textContent = shown === 1 ? "1 value" : shown + " values";
    nothing.hidden = shown > 0;
  };

  const choose = (word) => {
    show = word;
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.dataset.show === word));
  };
  const clear = () => {
    search.value = "";
    family.value = "";
    call.value = "";
    choose("");
    apply();
  };
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      choose(chip.dataset.show);
      apply();
    });
  }
  search.addEventListener("input", apply);
  family.addEventListener("change", apply);
  call.addEventListener("change", apply);
  document.querySelector(".controls").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", clear);

  // Unfolds what the fragment names, and goes there.
  const follow = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    if (target.closest("[hidden]:not(tr.detail)")) clear();
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    const feature = features.find(({ row, detail }) => row === target || detail.contains(target));
    if (feature) unfold(feature, true);
    for (const marked of all(".target")) marked.classList.remove("target");
    target.classList.add("target");
    target.scrollIntoView({ block: "center" });
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  // "/" goes to the search, as in many places; Escape clears.
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && typing) {
      clear();
    }
  });

  apply();
  follow();
})();
