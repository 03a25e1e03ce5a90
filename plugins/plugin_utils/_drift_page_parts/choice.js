// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is shown: what filters leave, and the address that leads back to them.

const wanted = { states: new Set(), onlyNew: false, view: "" };
let chosenNow = null; // the part of the address that is shown
let shown = { hosts: [], columns: [] };

const usualStates = () =>
  new Set(Object.keys(data.signs).filter((each) => each !== IN_PLACE && each !== GONE));

function choose() {
  const hostWords = words($("host")), pinWords = words($("pin"));
  const columns = data.paths.map((_, column) => column)
    .filter((column) => pinWords.every((each) => ofPath(lowerPaths[column], each)));
  for (const row of rows) {
    row.chosen = columns.filter((column) => wanted.states.has(row.cells[column])
      && (!wanted.onlyNew || historyOf(row, column) === "n"));
    const letter = row.state === "unreachable" ? UNREACHABLE : FAILED;
    row.inTrouble = row.problems.length > 0 && wanted.states.has(letter)
      && !pinWords.length && !wanted.onlyNew;
  }
  shown.hosts = hosts.filter((host) =>
    (host.row.chosen.length || host.row.inTrouble) && isOfGroup(host)
    && hostWords.every((each) => ofHost(host.lower, each)));
  const used = new Uint8Array(data.paths.length), amiss = new Uint32Array(data.paths.length);
  for (const { row } of shown.hosts) {
    for (const column of row.chosen) {
      used[column] = 1;
      if (isAmiss(row.cells[column])) amiss[column] += 1;
    }
  }
  shown.columns = columns.filter((column) => used[column])
    .sort((one, other) => amiss[other] - amiss[one] || one - other);
}

const group = () => ($("group") ? $("group").value : "");
const isOfGroup = (host) => !group() || host.groups.includes(group());

function show() {
  choose();
  const hidden = hosts.length - shown.hosts.length;
  const hiddenPins = data.paths.length - shown.columns.length;
  $("shown").textContent = howMany(hidden, hiddenPins);
  $("show-all").hidden = !hidden && !hiddenPins;
  $("limit").hidden = !shown.hosts.length;
  $("limit").textContent = `--limit for ${shown.hosts.length === 1 ? "it" : "them"}`;
  const nothing = !shown.hosts.length;
  $("nothing").hidden = !nothing;
  $("nothing").textContent = narrowed() ? "Nothing fits this filter." : "Everything is in sync.";
  $("matrix-view").hidden = nothing || wanted.view !== "matrix";
  $("list-view").hidden = nothing || wanted.view !== "list";
  for (const each of document.querySelectorAll("[data-state]")) {
    each.setAttribute("aria-pressed", wanted.states.has(each.dataset.state));
  }
  if ($("only-new")) $("only-new").setAttribute("aria-pressed", wanted.onlyNew);
  $("as-matrix").setAttribute("aria-pressed", wanted.view === "matrix");
  $("as-list").setAttribute("aria-pressed", wanted.view === "list");
  if (wanted.view === "matrix") layOut();
  else fillList(ON_SCREEN);
}

function howMany(hidden, hiddenPins) {
  if (!hidden && !hiddenPins) {
    return `All ${plural(hosts.length, "host")} and ${plural(data.paths.length, "pin name")}.`;
  }
  const parts = [plural(hidden, "host"), plural(hiddenPins, "pin name")];
  const left = parts.filter((part) => !part.startsWith("0 ")).join(" and ");
  if (!narrowed()) return `${left} in sync ${hidden + hiddenPins === 1 ? "is" : "are"} hidden.`;
  const fitting = (some, all, what) =>
    `${some.length.toLocaleString("en")} of ${plural(all.length, what)}`;
  const pins = fitting(shown.columns, data.paths, "pin name");
  return `${fitting(shown.hosts, hosts, "host")} and ${pins} fit.`;
}

const isUsual = (states) =>
  states.size === usualStates().size && [...usualStates()].every((each) => states.has(each));

const narrowed = () => Boolean(
  $("host").value || $("pin").value || group() || wanted.onlyNew || !isUsual(wanted.states));

const usualView = () => (matchMedia("(max-width: 640px)").matches ? "list" : "matrix");

function readAddress() {
  const address = chosenAddress();
  if (chosenNow !== String(address)) {
    chosenNow = String(address);
    $("host").value = address.get("host") || "";
    $("pin").value = address.get("pin") || "";
    if ($("group")) {
      $("group").value = address.get("group") || "";
      if ($("group").selectedIndex < 0) $("group").value = "";
    }
    const states = address.get("state");
    wanted.states = states === null ? usualStates()
      : new Set(states.split(",").map((state) => letterOf[state]).filter(Boolean));
    wanted.onlyNew = address.has("new") && Boolean($("only-new"));
    const views = ["list", "matrix"], view = address.get("view");
    wanted.view = views.includes(view) ? view : usualView();
    show();
  }
  showDetails();
}

function chosen() {
  const address = new URLSearchParams();
  if ($("host").value) address.set("host", $("host").value);
  if ($("pin").value) address.set("pin", $("pin").value);
  if (group()) address.set("group", group());
  if (!isUsual(wanted.states)) {
    address.set("state", [...wanted.states].map((letter) => data.signs[letter][0]).join());
  }
  if (wanted.onlyNew) address.set("new", "");
  if (wanted.view !== usualView()) address.set("view", wanted.view);
  chosenNow = String(address);
  history.replaceState(history.state, "", `#${address}`);
  grid.scrollTop = 0;
  show();
}

$("host").addEventListener("input", chosen);
$("pin").addEventListener("input", chosen);
if ($("group")) $("group").addEventListener("change", chosen);
for (const each of document.querySelectorAll("[data-state]")) {
  each.addEventListener("click", () => {
    const letter = each.dataset.state;
    if (!wanted.states.delete(letter)) wanted.states.add(letter);
    chosen();
  });
}
if ($("only-new")) {
  $("only-new").addEventListener("click", () => {
    wanted.onlyNew = !wanted.onlyNew;
    chosen();
  });
}
for (const view of ["matrix", "list"]) {
  $(`as-${view}`).addEventListener("click", () => {
    wanted.view = view;
    chosen();
  });
}
$("show-all").addEventListener("click", () => {
  $("host").value = "";
  $("pin").value = "";
  if ($("group")) $("group").value = "";
  wanted.states = new Set(Object.keys(data.signs));
  wanted.onlyNew = false;
  chosen();
});

if (hosts.length) {
  $("app").hidden = false;
  readAddress();
}
