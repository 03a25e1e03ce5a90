// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Details, beside the page. What they are of is in the address.

const details = $("details");
const MOST_NAMES = 20;

const hostNamed = (name) => hosts.find((host) => host.name === name);
const openPin = (host, column) => enter("pin", host.name, data.paths[column]);
const openHost = (host) => enter("host", host.name);
const openPath = (column) => enter("path", "", data.paths[column]);
const openAlike = (first) => enter("alike", first.name);
const openCause = (number) => enter("cause", "", number);
const openLimit = () => enter("limit");
const openOld = () => enter("old");

// By what the address says: [title, ...body], or nothing where there is no such thing.
const VIEWS = new Map(Object.entries({
  pin: ({ at, of }) => ofPin(hostNamed(at), data.paths.indexOf(of)),
  host: ({ at }) => ofOneHost(hostNamed(at)),
  path: ({ of }) => ofOnePath(data.paths.indexOf(of)),
  alike: ({ at }) => ofAlike(hostNamed(at)),
  cause: ({ of }) => ofCause(/^\d{1,4}$/.test(of) ? data.causes[Number(of)] : null),
  limit: () => ofLimit(),
  old: () => ofOld(),
}));

function showDetails() {
  const wantedView = target(), view = wantedView && VIEWS.get(wantedView.show);
  const content = view && view(wantedView);
  if (!content) {
    details.close();
    return;
  }
  const [title, ...body] = content;
  $("details-title").replaceChildren(...title);
  $("details-body").replaceChildren(...body);
  if (!details.open) details.showModal();
  $("details-body").scrollTop = 0;
  $("details-title").focus();
}

const titled = (name) => [el("span", { class: "name" }, name)];

function namesOf(some, action = openHost, most = MOST_NAMES) {
  const list = el("p", { class: "hosts" });
  for (const host of some.slice(0, most)) {
    list.append(namedHost(host, action), " ");
  }
  if (some.length <= most) return list;
  const rest = button(`and ${(some.length - most).toLocaleString("en")} more`, "link", () => {
    list.replaceWith(namesOf(some, action, some.length));
  });
  list.append(rest);
  return list;
}

function ofPin(host, column) {
  if (!host || column < 0) return null;
  const said = told(host.row, column);
  const body = [
    el("p", {}, sign(said.letter), " ", el("b", {}, stateLink(said.letter)),
       said.kind ? ` (${said.kind})` : "", " ", historyBadge(said.history)),
    el("p", { class: "on" }, "on ", hostButton(host), ...seenLine(host, ", ")),
    sideBySide(said),
    ...entriesLine([host], column),
    ...noteOf(said),
  ];
  const alike = hosts.filter((other) => other !== host && sameThere(other.row, column, said));
  if (alike.length) {
    body.push(el("h3", {}, `The same on ${plural(alike.length, "other host")}`), namesOf(alike));
  }
  body.push(button("This pin on all hosts", "link", () => openPath(column)));
  if (isAmiss(said.letter)) body.push(commandsFor([host, ...alike]));
  return [titled(data.paths[column]), ...body];
}

const seenLine = (host, before = "") =>
  (host.when ? [before, ageOf(host, seenText(host))] : []);

function entriesLine(some, column) {
  const entries = entriesOf(some, column);
  return entries ? [el("p", { class: "entries" }, `${entries}.`)] : [];
}

function noteOf({ note, link }) {
  const nodes = note ? [el("p", { class: "note" }, note)] : [];
  if (link.length) nodes.push(el("p", {}, toManual(link)));
  return nodes;
}

function sameThere(row, column, said) {
  if (row.cells[column] !== said.letter) return false;
  return isWithDetail(said.letter) && told(row, column).number === said.number;
}

const WHOLE = { // where no field is named: what was declared, what is there
  m: ["the pin", "nothing"],
  d: ["as declared", "different"],
  a: ["as declared", "owner or mode off"],
  u: ["nothing declared", "a pin"],
  f: ["as declared", "not known"],
  i: ["as declared", "as declared"],
  g: ["as declared", "not amiss any more"],
  ".": ["not known", "not known"],
};

const MISSING_THINGS = new Map([
  ["mount", "the mount"], ["directory", "the directory"], ["file", "the file"],
]);

function wholeOf(said, letter) {
  const [want, have] = WHOLE[letter];
  return [letter === "m" ? MISSING_THINGS.get(said.kind) || want : want, have];
}

// Rows of three; of what is missing the last is one for all.
function sidesOf(said) {
  const letter = said.letter === REPAIRED ? letterOf[said.state] : said.letter;
  if (said.fields.length) return said.fields;
  if (!said.declared.length) return [["", ...wholeOf(said, letter)]];
  return said.declared.map(([name, want], place) => [name, want, place ? null : WHOLE[letter][1]]);
}

function sideBySide(said) {
  const body = el("tbody", {}), sides = sidesOf(said);
  const span = sides.some(([, , have]) => have === null) ? sides.length : null;
  for (const [name, want, have] of sides) {
    const row = el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "want" }, want));
    if (have !== null) row.append(el("td", { class: "have", rowspan: span }, have));
    body.append(row);
  }
  const haveTitle = said.letter === REPAIRED ? "had" : "have";
  const head = el("tr", {}, el("td", {}), el("th", { scope: "col" }, "want"),
                  el("th", { scope: "col" }, haveTitle));
  const table = el("table", { class: "sides" }, el("thead", {}, head), body);
  if (!said.before) return table;
  const before = `It was ${wordOfState(said.before)} in the report before.`;
  return el("div", {}, table, el("p", {}, before));
}

function ofOneHost(host) {
  if (!host) return null;
  const { row } = host;
  const body = host.when ? [el("p", {}, ...seenLine(host))] : [];
  body.push(...problemsOf(row));
  const off = [], gone = [], inPlace = [];
  [...row.cells].forEach((letter, column) => {
    if (isWithDetail(letter)) off.push(column);
    if (letter === GONE) gone.push(column);
    if (letter === IN_PLACE) inPlace.push(column);
  });
  if (off.length) body.push(lines([host], off));
  if (gone.length) body.push(el("h3", {}, `Drift gone since ${data.previous}`), lines([host], gone));
  body.push(el("p", { class: "on" }, `${counted(inPlace)} in place.`));
  if (host.groups.length) body.push(el("p", { class: "on" }, `In ${host.groups.join(", ")}.`));
  if (row.state !== "in_place") body.push(commandsFor([host]));
  return [titled(host.name), ...body];
}

const lines = (alike, columns) =>
  el("ul", { class: "lines" }, ...columns.map((column) => listLine(alike, column)));

function ofOnePath(column) {
  if (column < 0) return null;
  const byLetter = new Map();
  for (const host of hosts) {
    const letter = host.row.cells[column];
    if (!byLetter.has(letter)) byLetter.set(letter, []);
    byLetter.get(letter).push(host);
  }
  const body = [], amiss = [];
  for (const letter of [...Object.keys(data.signs), NOTHING_KNOWN]) {
    const some = byLetter.get(letter);
    if (!some) continue;
    if (isAmiss(letter)) amiss.push(...some);
    const most = letter === IN_PLACE || letter === NOTHING_KNOWN ? 10 : 100;
    body.push(el("h3", {}, sign(letter), ` ${word(letter)} on ${plural(some.length, "host")}`),
              namesOf(some, (host) => openPin(host, column), most));
  }
  if (amiss.length) body.push(commandsFor(amiss));
  return [titled(data.paths[column]), ...body];
}

function ofAlike(first) {
  const alike = first ? shown.hosts.filter((host) => host.row === first.row) : [];
  if (!alike.length) return null;
  const { row } = first;
  return [[`${plural(alike.length, "host")} alike`], namesOf(alike, openHost, 100),
          ...problemsOf(row), lines(alike, row.chosen.slice(0, 200)), commandsFor(alike)];
}

function ofCause(cause) {
  if (!cause) return null;
  const [letter, columns, numbers, note, below, link] = cause;
  const some = numbers.map((number) => hosts[number]);
  const body = [];
  if (columns.length) {
    const list = el("ul", { class: "lines" });
    for (const column of columns) {
      const path = button(data.paths[column], "link name", () => openPath(column));
      list.append(el("li", {}, path));
    }
    body.push(list);
    if (below) {
      const pins = plural(below, "pin");
      body.push(el("p", {}, `What is below it is missing, too: ${pins}.`));
    }
    const said = told(some[0].row, columns[0]);
    if (columns.length === 1 || said.fields.length) body.push(sideBySide(said));
    if (columns.length === 1) body.push(...entriesLine(some, columns[0]));
  }
  body.push(...noteOf({ note, link }));
  body.push(el("h3", {}, "On"), namesOf(some), commandsFor(some));
  return [[sign(letter), ` ${word(letter)} on ${plural(some.length, "host")}`], ...body];
}

function ofLimit() {
  const some = shown.hosts;
  if (!some.length) return null;
  return [[`The ${plural(some.length, "host")} shown`], namesOf(some), commandsFor(some)];
}

function ofOld() {
  const some = hosts.filter((host) => host.isOld).sort((one, other) => one.since - other.since
    || (one.name < other.name ? -1 : 1));
  if (!some.length) return null;
  return [[`${plural(some.length, "host")} not seen for more than a day`],
          el("p", { class: "on" }, "Longest first; their reports are so much older than the newest."),
          namesOf(some, openHost, 100), commandsFor(some)];
}

const FIRST_CAUSES = 5;
const allCauses = document.querySelectorAll("[data-cause]");
if (allCauses.length > FIRST_CAUSES + 1) {
  const hidden = [...allCauses].slice(FIRST_CAUSES);
  for (const each of hidden) each.hidden = true;
  $("all-causes").hidden = false;
  $("all-causes").textContent = `All ${allCauses.length} causes`;
  $("all-causes").addEventListener("click", () => {
    for (const each of hidden) each.hidden = false;
    $("all-causes").hidden = true;
    hidden[0].querySelector("a").focus();
  });
}
for (const each of allCauses) {
  const number = each.dataset.cause;
  const line = el("a", { class: "cause", href: `#show=cause&of=${number}` }, ...each.childNodes);
  line.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a window of its own
    event.preventDefault();
    openCause(number);
  });
  each.append(line);
}
for (const each of document.querySelectorAll("[data-manual]")) {
  if (data.manual) {
    const text = each.textContent;
    each.replaceChildren(outside(text, `${data.manual}${each.dataset.manual}`));
  }
}
if ($("old")) $("old").replaceChildren(button($("old").textContent.trim(), "link", openOld));
$("close").addEventListener("click", leave);
$("limit").addEventListener("click", openLimit);
details.addEventListener("click", (event) => {
  if (event.target === details) leave(); // beside it
});
details.addEventListener("cancel", leave);
details.addEventListener("close", () => {
  if (!details.open && !isLeaving && target()) leave(); // the browser did, and asked nobody
});
