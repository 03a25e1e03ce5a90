// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The data, as _drift_page_data.py writes it:
//   signs    letter -> [state, sign, word]
//   paths    the columns
//   others   of the columns that are no pins: mount, directory or file
//   rows     [state of the host, a letter per path as runs (150imi), the number of the detail of
//             each that is not in place, n(ew) s(till) or - of each of these, [problem, ...link],
//             the state
//             before of each that is gone]
//   hosts    [name, number of its row, number of its groups, column -> how many entries of the map
//             are copied, or [missing, different, extra], if any are], trouble first
//   members  the groups of the inventory that hosts are in
//   times    when hosts of a merged report were looked at, oldest first: [when, how long before the
//             newest, whether that is long]
//   seen     host by host, number of its time
//   causes   [letter, columns, hosts, note, how many paths are missing below]
//   commands [what it does, the command], for which hosts is added
//   details  [kind, state, [[field, want, have]], note, [[option, value]] of what is missing,
//             link of the note]
//   manual   where the documentation is; a link is [title, address in its page of messages], or []

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const IN_PLACE = "i", GONE = "g", REPAIRED = "r", FAILED = "f", UNREACHABLE = "x";
const NOTHING_KNOWN = ".";
const WITH_DETAIL = new Set("mdaufr");
const AMISS = ["missing", "different", "extra"]; // of entries
const HISTORY = { n: "new", s: "still there" };

const rows = data.rows.map(([state, runs, details, history, problems, before]) => ({
  state, details, history, problems, before,
  cells: runs.replace(/(\d+)(\D)/g, (_, length, letter) => letter.repeat(length)),
}));
const hosts = data.hosts.map(([name, row, groups, entries = {}], place) => {
  const [when = "", age = "", isOld = false] = data.times[data.seen[place]] || [];
  return { name, lower: name.toLowerCase(), row: rows[row], groups: data.members[groups], entries,
           when, age, isOld, since: data.seen[place] };
});
const lowerPaths = data.paths.map((path) => path.toLowerCase());
const letterOf = Object.create(null); // asked for what an address says: any word
for (const letter in data.signs) letterOf[data.signs[letter][0]] = letter;

const isWithDetail = (letter) => WITH_DETAIL.has(letter);
const isAmiss = (letter) => WITH_DETAIL.has(letter) && letter !== REPAIRED;

function howManyBefore(row, column, fits) {
  let number = 0;
  for (let before = 0; before < column; before += 1) number += fits(row.cells[before]);
  return number;
}

function historyOf(row, column) {
  if (!data.previous || !isWithDetail(row.cells[column])) return "";
  return row.history[howManyBefore(row, column, isWithDetail)];
}

function told(row, column) {
  const letter = row.cells[column];
  const said = { letter, history: "", fields: [], note: "", declared: [], link: [], kind: "",
                 state: "", before: "" };
  if (letter === GONE) {
    said.before = row.before[howManyBefore(row, column, (each) => each === GONE)];
  }
  if (!isWithDetail(letter)) return said;
  const number = row.details[howManyBefore(row, column, isWithDetail)];
  const [kind, state, fields, note, declared, link] = data.details[number];
  const history = HISTORY[historyOf(row, column)] || "";
  return { ...said, number, history, kind, state, fields, note, declared, link };
}

// What becomes of the entries of a map, if anything; of hosts that are alike there.
function entriesOf(some, column) {
  const numbers = some.map((host) => host.entries[column]).filter((each) => each !== undefined);
  if (!numbers.length) return "";
  const inAll = some.length > 1 ? " in all" : "", amiss = numbers.filter(Array.isArray);
  if (amiss.length) {
    const sums = AMISS.map((kind, place) => [kind, amiss.reduce((sum, of) => sum + of[place], 0)]);
    const words = sums.filter(([, sum]) => sum).map(([kind, sum]) => plural(sum, kind, kind));
    return `${words.join(", ")}${inAll}`;
  }
  const sum = plural(numbers.reduce((one, other) => one + other), "entry");
  const what = some[0].row.cells[column] === REPAIRED ? "copied" : "to copy";
  return `${sum} ${what}${inAll}`;
}

const word = (letter) => (letter === NOTHING_KNOWN ? "nothing known" : data.signs[letter][2]);
const wordOfState = (state) => (letterOf[state] ? word(letterOf[state]) : state);

function summaryOf(said, entries = "") {
  const fields = said.fields.map(([name, want, have]) => `${name}: want ${want}, have ${have}`);
  if (!fields.length && said.declared.length) fields.push(`want ${shapeOf(said.declared)}`);
  if (said.before) fields.push(`was ${wordOfState(said.before)}`);
  return [...fields, entries, ...said.note.split("\n").slice(0, 1)].filter(Boolean).join("; ");
}

// As messages have it: what is none, or left to the kernel, is not told.
const shapeOf = (declared) => declared
  .filter(([, value]) => value !== "none" && value !== "0")
  .map(([name, value]) => (name === "type" ? value : `${name}=${value}`)).join(" ");

function plural(number, what, several = "") {
  const many = several || (what.endsWith("y") ? `${what.slice(0, -1)}ies` : `${what}s`);
  return `${number.toLocaleString("en")} ${number === 1 ? what : many}`;
}

// Such as 2 pins, 1 mount.
function counted(columns) {
  const numbers = { pin: 0, mount: 0, directory: 0, file: 0 };
  for (const column of columns) numbers[data.others[column] || "pin"] += 1;
  const parts = Object.entries(numbers).filter(([, number]) => number);
  return parts.map(([what, number]) => plural(number, what)).join(", ") || plural(0, "pin");
}
