// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The list: hosts that are alike are one entry. It is also what is printed.

let groups = null, listed = 0;

function groupsShown() {
  const byRow = new Map();
  for (const host of shown.hosts) {
    if (!byRow.has(host.row)) byRow.set(host.row, []);
    byRow.get(host.row).push(host);
  }
  return [...byRow];
}

const ON_SCREEN = { groups: 50, linesOfGroup: 8, names: 4, lines: Infinity };
const ON_PAPER = { groups: Infinity, linesOfGroup: Infinity, names: 1000, lines: 5000 };

function fillList(most) {
  groups = groupsShown();
  listed = 0;
  $("list").replaceChildren();
  addToList(most);
}

function addToList(most) {
  const end = Math.min(groups.length, listed + most.groups);
  const nodes = [];
  for (let left = most.lines; listed < end && left > 0; listed += 1) {
    const [row, alike] = groups[listed];
    nodes.push(groupEntry(row, alike, Math.min(most.linesOfGroup, left), most.names));
    left -= row.chosen.length + 1;
  }
  $("list").append(...nodes);
  const left = groups.length - listed;
  $("more").hidden = !left;
  $("more").textContent = `Show more (${left.toLocaleString("en")} left)`;
}

function groupEntry(row, alike, mostLines, mostNames) {
  const names = el("p", { class: "hosts" });
  for (const host of alike.slice(0, mostNames)) names.append(namedHost(host), " ");
  if (alike.length > mostNames) {
    const others = `and ${alike.length - mostNames} more alike`;
    names.append(button(others, "link", () => openAlike(alike[0])));
  }
  const entry = el("li", {}, names, ...problemsOf(row));
  const lines = row.chosen.slice(0, mostLines);
  if (lines.length) {
    entry.append(el("ul", {}, ...lines.map((column) => listLine(alike, column))));
  }
  const left = row.chosen.slice(lines.length);
  if (left.length) {
    entry.append(button(`and ${counted(left)} more`, "link", () => openHost(alike[0])));
  }
  return entry;
}

const problemsOf = (row) => row.problems.map(([problem, ...link]) => {
  const letter = row.state === "unreachable" ? UNREACHABLE : FAILED;
  return el("p", { class: "trouble" }, sign(letter), " ", el("b", {}, word(letter)), ": ", problem,
            " ", toManual(link));
});

function listLine(alike, column) {
  const said = told(alike[0].row, column);
  const line = el("button", { type: "button", class: "line" },
    sign(said.letter),
    el("span", { class: "name" }, data.paths[column]),
    el("span", { class: "what" }, word(said.letter), " ", historyBadge(said.history),
       el("span", { class: "summary" }, summaryOf(said, entriesOf(alike, column)))));
  line.addEventListener("click", () => openPin(alike[0], column));
  return el("li", {}, line);
}

$("more").addEventListener("click", () => addToList(ON_SCREEN));
addEventListener("beforeprint", () => {
  $("list-view").hidden = false;
  fillList(ON_PAPER);
});
addEventListener("afterprint", show);
