// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The search tells only the title of a page. Say which message or option of it was found, by the anchor.
document.addEventListener("DOMContentLoaded", () => {
  const results = document.getElementById("search-results");
  if (!results) return;
  const tell = (link) => {
    const found = link.hash.match(/^#m-(.+)|-parameter-(.+)/);
    if (!found || link.dataset.told) return;
    link.dataset.told = "yes";
    const what = document.createElement("div");
    what.textContent = found[1] ? `… ${found[1].replaceAll("-", " ")} …` : `option ${found[2].replaceAll("-", "_")}`;
    link.after(what);
  };
  new MutationObserver(() => results.querySelectorAll("li a").forEach(tell)).observe(results, {
    childList: true,
    subtree: true,
  });
});
