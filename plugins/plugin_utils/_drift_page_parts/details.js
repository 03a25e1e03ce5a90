// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Details, beside the page.

const details = $("details");

function openDetails(title, ...body) {
  $("details-title").replaceChildren(...title);
  $("details-body").replaceChildren(...body);
  if (!details.open) details.showModal();
  $("details-body").scrollTop = 0;
  $("details-title").focus();
}

const titled = (name) => [el("span", { class: "name" }, name)];

function openPin(host, column) {
  const said = told(host.row, column);
  const body = [
    el("p", {}, sign(said.letter), " ", el("b", {}, word(said.letter)),
       said.kind ? ` (${said.kind})` : "", " ", historyBadge(said.history)),
    el("p", { class: "on" }, "on ", hostButton(host)),
    sideBySide(said),
  ];
  if (said.note) body.push(el("p", { class: "note" }, said.note));
  const alike = hosts.filter((other) => other !== host && sameThere(other.row, column, said));
  if (alike.length) {
    const list = el("p", { class: "hosts" });
    for (const other of alike.slice(0, 20)) list.append(hostButton(other), " ");
    if (alike.length > 20) list.append(`and ${alike.length - 20} more`);
    body.push(el("h3", {}, `The same on ${plural(alike.length, "other host")}`), list);
  }
  body.push(button("This pin on all hosts", "link", () => openPath(column)));
  openDetails(titled(data.paths[column]), ...body);
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

// Rows of three; of what is missing the last is one for all.
function sidesOf(said) {
  const letter = said.letter === REPAIRED ? letterOf[said.state] : said.letter;
  if (said.fields.length) return said.fields;
  if (!said.declared.length) return [["", ...WHOLE[letter]]];
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

function openHost(host) {
  const { row } = host;
  const body = [...problemsOf(row)];
  const off = [], gone = [];
  [...row.cells].forEach((letter, column) => {
    if (isWithDetail(letter)) off.push(column);
    if (letter === GONE) gone.push(column);
  });
  const inPlace = [...row.cells].filter((letter) => letter === IN_PLACE).length;
  if (off.length) body.push(lines(host, off));
  if (gone.length) body.push(el("h3", {}, `Drift gone since ${data.previous}`), lines(host, gone));
  body.push(el("p", { class: "on" }, `${plural(inPlace, "pin")} in place.`));
  openDetails(titled(host.name), ...body);
}

const lines = (host, columns) =>
  el("ul", { class: "lines" }, ...columns.map((column) => listLine(host.row, host, column)));

function openPath(column) {
  const byLetter = new Map();
  for (const host of hosts) {
    const letter = host.row.cells[column];
    if (!byLetter.has(letter)) byLetter.set(letter, []);
    byLetter.get(letter).push(host);
  }
  const body = [];
  for (const letter of [...Object.keys(data.signs), NOTHING_KNOWN]) {
    const some = byLetter.get(letter);
    if (!some) continue;
    const list = el("p", { class: "hosts" });
    const most = letter === IN_PLACE || letter === NOTHING_KNOWN ? 10 : 100;
    for (const host of some.slice(0, most)) {
      list.append(button(host.name, "link name", () => openPin(host, column)), " ");
    }
    if (some.length > most) list.append(`and ${some.length - most} more`);
    const title = ` ${word(letter)} on ${plural(some.length, "host")}`;
    body.push(el("h3", {}, sign(letter), title), list);
  }
  openDetails(titled(data.paths[column]), ...body);
}

function openAlike(row, alike) {
  const list = el("p", { class: "hosts" });
  for (const host of alike) list.append(hostButton(host), " ");
  openDetails([`${plural(alike.length, "host")} alike`], list, ...problemsOf(row),
              lines(alike[0], row.chosen.slice(0, 200)));
}

$("close").addEventListener("click", () => details.close());
details.addEventListener("click", (event) => {
  if (event.target === details) details.close(); // beside it
});
