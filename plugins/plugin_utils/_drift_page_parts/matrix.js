// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The matrix: only what is in sight is in the page.

const LETTER_WIDTH = 8.8; // of the host names, at most
const PIN_LETTER_WIDTH = 8, AGE_LETTER_WIDTH = 7;
const NARROW = 200;
const grid = $("matrix"), sheet = $("sheet");
const active = { row: 0, column: 0 }; // -1 is the head: the path's, or the host's
let size = null, directory = "";
let domain = "", lead = ""; // what all hosts shown have in common, where their names are too long
let painted = ""; // which columns
const rowNodes = new Map();

const pixels = (name) => parseFloat(getComputedStyle(grid).getPropertyValue(name));

function layOut() {
  size = { cell: pixels("--cell"), widest: pixels("--host"), head: pixels("--head") };
  const names = shown.hosts.map((host) => host.name);
  const longestAge = longestOf(shown.hosts.map(ageBeside));
  size.beside = 56 + (longestAge && Math.round(longestAge * AGE_LETTER_WIDTH + 18));
  const fit = Math.round(longestOf(names) * LETTER_WIDTH + size.beside);
  size.host = Math.min(size.widest, Math.max(120, fit));
  domain = fit > size.widest ? commonDomain(names) : "";
  const isTooLong = fit > size.widest && longestOf(names) - domain.length > lettersOfHost();
  lead = isTooLong ? commonLead(names) : "";
  grid.style.setProperty("--host-fit", `${size.host}px`);
  const paths = shown.columns.map((column) => data.paths[column]);
  directory = commonDirectory(paths);
  const highest = Math.round(longestOf(paths.map(shortOf)) * PIN_LETTER_WIDTH + 20);
  size.head = Math.min(size.head, Math.max(72, highest));
  grid.style.setProperty("--head-fit", `${size.head}px`);
  sheet.style.width = `${size.host + shown.columns.length * size.cell}px`;
  sheet.style.height = `${size.head + shown.hosts.length * size.cell}px`;
  grid.setAttribute("aria-rowcount", shown.hosts.length + 1);
  grid.setAttribute("aria-colcount", shown.columns.length + 1);
  active.row = Math.min(active.row, shown.hosts.length - 1);
  active.column = Math.min(active.column, shown.columns.length - 1);
  painted = "";
  paint();
  readOut(active);
}

const longestOf = (texts) => texts.reduce((most, text) => Math.max(most, text.length), 0);
const shortOf = (path) => (path.startsWith(directory) ? path.slice(directory.length) : path);

// Of the paths that lead to no other: a mount is above its pins.
function commonDirectory(paths) {
  const above = new Set();
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      above.add(path.slice(0, end));
    }
  }
  const sorted = paths.filter((path) => !above.has(path)).sort();
  if (!sorted.length) return "";
  const first = sorted[0], last = sorted[sorted.length - 1];
  let same = 0;
  while (same < first.length && first[same] === last[same]) same += 1;
  return first.slice(0, first.slice(0, same).lastIndexOf("/") + 1);
}

function commonDomain(names) {
  if (names.length < 2) return "";
  const turned = names.map((name) => [...name].reverse().join("")).sort();
  const first = turned[0], last = turned[turned.length - 1];
  let same = 0;
  while (same < first.length && first[same] === last[same]) same += 1;
  const end = first.slice(0, same).lastIndexOf(".") + 1;
  return [...first.slice(0, end)].reverse().join("");
}

// Up to a hyphen or the like: edge-0 and edge-07 are told apart by all of their numbers.
function commonLead(names) {
  const sorted = [...names].sort(), first = sorted[0], last = sorted[sorted.length - 1];
  if (names.length < 2) return "";
  let same = 0;
  while (same < first.length && first[same] === last[same]) same += 1;
  return /^(.*[-._])?/.exec(first.slice(0, same))[0];
}

const lettersOfHost = () => Math.round((size.host - size.beside) / LETTER_WIDTH);

// On a phone there is room for those that matter.
const ageBeside = ({ age, isOld }) => (isOld || size.widest > NARROW ? age : "");

function windowOf(offset, extent, count) {
  const spare = 8;
  const first = Math.floor(offset / size.cell), last = Math.ceil((offset + extent) / size.cell);
  const low = Math.floor((first - spare) / spare) * spare;
  const high = Math.ceil((last + spare) / spare) * spare;
  return [Math.max(0, low), Math.min(count, high)];
}

function paint() {
  if (!size || $("matrix-view").hidden) return;
  const [top, bottom] = windowOf(grid.scrollTop, grid.clientHeight, shown.hosts.length);
  const [left, right] = windowOf(grid.scrollLeft, grid.clientWidth, shown.columns.length);
  if (painted !== `${left} ${right}`) {
    painted = `${left} ${right}`;
    rowNodes.clear();
    sheet.replaceChildren(headRow(left, right));
  }
  for (const [row, node] of rowNodes) {
    if (row >= top && row < bottom) continue;
    rowNodes.delete(row);
    node.remove();
  }
  for (let row = bottom - 1; row >= top; row -= 1) {
    if (rowNodes.has(row)) continue;
    const node = hostRow(row, left, right);
    sheet.insertBefore(node, rowNodes.get(row + 1) || null);
    rowNodes.set(row, node);
  }
  for (const node of sheet.querySelectorAll(".active")) node.classList.remove("active");
  const now = $(idOf(active.row, active.column));
  if (now) now.classList.add("active");
  grid.setAttribute("aria-activedescendant", idOf(active.row, active.column));
}

const idOf = (row, column) => `cell-${row}-${column}`;

function gridCell(role, row, column, name, attributes, ...children) {
  const node = el("div", {
    role, id: idOf(row, column), "aria-colindex": column + 2, "data-row": row,
    "data-column": column, class: name, ...attributes,
  }, ...children);
  if (column >= 0) node.style.left = `${size.host + column * size.cell}px`;
  return node;
}

// A line may end after each slash.
const stepsOf = (path) => path.split("/").flatMap((step, place) => (
  place ? ["/", el("wbr", {}), step] : [step]));

function headRow(left, right) {
  const head = el("div", { role: "row", class: "head", "aria-rowindex": 1 });
  head.append(gridCell("columnheader", -1, -1, "corner", { "aria-label": "host" },
                       el("span", { class: "name of-pins" }, el("bdi", {}, ...stepsOf(directory))),
                       el("span", { class: "name of-hosts" },
                          (lead || domain) && `${lead}\u2026${domain}`)));
  for (let column = left; column < right; column += 1) {
    const path = data.paths[shown.columns[column]];
    head.append(gridCell("columnheader", -1, column, "pin",
                         { title: path, "aria-label": path },
                         el("span", { class: "name" }, el("bdi", {}, shortOf(path)))));
  }
  return head;
}

function hostRow(index, left, right) {
  const host = shown.hosts[index], { name, row } = host;
  const node = el("div", { role: "row", class: "row", "aria-rowindex": index + 2 });
  node.style.top = `${size.head + index * size.cell}px`;
  const letter = letterOf[row.state];
  const state = row.state === "drift" ? "in drift" : word(letter);
  const mark = row.state === "drift"
    ? el("span", { class: "count", "aria-hidden": "true" }, String(offIn(row)))
    : sign(letter);
  node.append(gridCell("rowheader", index, -1, "host",
                       { title: name,
                         "aria-label": [name, state, ageText(host)].filter(Boolean).join(", ") },
                       hostLabel(name),
                       ageBeside(host) && ageOf(host, host.age),
                       mark));
  for (let column = left; column < right; column += 1) {
    node.append(pinCell(row, index, column));
  }
  if (row.problems.length && !/[^.]/.test(row.cells)) {
    node.append(el("div", { class: "problem", "aria-hidden": "true" },
                   row.problems[0][0].split("\n")[0]));
  }
  return node;
}

// What tells hosts apart is at both ends of their names, and more so at the end.
function hostLabel(whole) {
  const fitting = lettersOfHost();
  const name = (lead && "\u2026") + whole.slice(lead.length, whole.length - domain.length);
  if (name.length <= fitting) return el("span", { class: "name" }, name);
  const letters = [...name], last = Math.max(4, Math.floor(fitting * 0.6));
  return el("span", { class: "name cut" },
            el("span", { class: "front" }, letters.slice(0, -last).join("")),
            el("span", { class: "back" }, letters.slice(-last).join("")));
}

function offIn(row) {
  return [...row.cells].filter(isAmiss).length;
}

function pinCell(row, index, column) {
  const letter = row.cells[shown.columns[column]];
  const history = HISTORY[historyOf(row, shown.columns[column])] || "";
  const label = history ? `${word(letter)}, ${history}` : word(letter);
  const name = letter === NOTHING_KNOWN ? "" : data.signs[letter][0];
  return gridCell("gridcell", index, column,
                  `cell ${name}${history === "new" ? " is-new" : ""}`, { "aria-label": label },
                  letter === NOTHING_KNOWN ? "" : data.signs[letter][1]);
}

function readOut({ row, column }) {
  const parts = [];
  const host = shown.hosts[row];
  if (host) parts.push(host.name);
  if (column >= 0 && column < shown.columns.length) parts.push(data.paths[shown.columns[column]]);
  if (host && column >= 0 && column < shown.columns.length) {
    const said = told(host.row, shown.columns[column]);
    parts.push([word(said.letter), said.history].filter(Boolean).join(", "),
               summaryOf(said, entriesOf([host], shown.columns[column])));
  } else if (host) {
    parts.push(...host.row.problems.slice(0, 1).map(([problem]) => problem));
  }
  if (host) parts.push(seenText(host));
  $("readout").textContent = parts.filter(Boolean).join("  \u2014  ");
  for (const each of sheet.querySelectorAll(".pin")) {
    each.classList.toggle("pointed", Number(each.dataset.column) === column);
  }
}

function move(row, column) {
  active.row = Math.max(-1, Math.min(shown.hosts.length - 1, row));
  active.column = Math.max(-1, Math.min(shown.columns.length - 1, column));
  const room = { height: grid.clientHeight - size.head, width: grid.clientWidth - size.host };
  if (active.row >= 0) {
    const top = active.row * size.cell;
    const lowest = top + size.cell - room.height;
    grid.scrollTop = Math.max(lowest, Math.min(top, grid.scrollTop));
  }
  if (active.column >= 0) {
    const left = active.column * size.cell;
    const rightmost = left + size.cell - room.width;
    grid.scrollLeft = Math.max(rightmost, Math.min(left, grid.scrollLeft));
  }
  paint();
  readOut(active);
}

function open(row, column) {
  if (row >= 0 && column >= 0) openPin(shown.hosts[row], shown.columns[column]);
  else if (row >= 0) openHost(shown.hosts[row]);
  else if (column >= 0) openPath(shown.columns[column]);
}

const place = (target) => {
  const cell = target.closest("[data-row]");
  return cell && { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
};

const page = () => Math.max(1, Math.floor((grid.clientHeight - size.head) / size.cell) - 1);
const KEYS = {
  ArrowUp: () => move(active.row - 1, active.column),
  ArrowDown: () => move(active.row + 1, active.column),
  ArrowLeft: () => move(active.row, active.column - 1),
  ArrowRight: () => move(active.row, active.column + 1),
  PageUp: () => move(active.row - page(), active.column),
  PageDown: () => move(active.row + page(), active.column),
  Home: (event) => move(event.ctrlKey ? 0 : active.row, -1),
  End: (event) =>
    move(event.ctrlKey ? shown.hosts.length - 1 : active.row, shown.columns.length - 1),
  Enter: () => open(active.row, active.column),
  " ": () => open(active.row, active.column),
};

grid.addEventListener("keydown", (event) => {
  const action = event.altKey || event.metaKey ? null : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
  const box = grid.getBoundingClientRect();
  if (box.top < 0 || box.bottom > innerHeight) grid.scrollIntoView({ block: "nearest" });
});
grid.addEventListener("click", (event) => {
  const at = place(event.target);
  if (!at) return;
  move(at.row, at.column);
  open(at.row, at.column);
});
grid.addEventListener("pointerover", (event) => readOut(place(event.target) || active));
grid.addEventListener("pointerleave", () => readOut(active));
grid.addEventListener("focus", () => readOut(active));
// First the page goes, until the matrix has the window; then the matrix.
grid.addEventListener("wheel", (event) => {
  const above = grid.getBoundingClientRect().top - 8;
  if (event.deltaY <= 0 || event.ctrlKey || event.shiftKey || above < 1) return;
  const page = document.scrollingElement;
  if (page.scrollTop + page.clientHeight >= page.scrollHeight - 1) return;
  event.preventDefault();
  const pixels = event.deltaMode ? event.deltaY * size.cell : event.deltaY;
  page.scrollTop += Math.min(above, pixels);
}, { passive: false });
grid.addEventListener("scroll", () => requestAnimationFrame(paint), { passive: true });
new ResizeObserver(() => {
  if (!grid.clientWidth || !size) return;
  if (size.widest !== pixels("--host") || size.cell !== pixels("--cell")) layOut();
  else paint();
}).observe(grid);
