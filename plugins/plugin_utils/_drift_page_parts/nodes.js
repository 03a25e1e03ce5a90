// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Making nodes. Text from the data goes into text nodes and attributes only, never into HTML.

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const sign = (letter) =>
  letter === NOTHING_KNOWN
    ? el("span", { class: "sign" })
    : el("span", { class: `sign ${data.signs[letter][0]}`, "aria-hidden": "true" },
         data.signs[letter][1]);

function button(label, name, action) {
  const node = el("button", { type: "button", class: name }, label);
  node.addEventListener("click", action);
  return node;
}

// An address is of the documentation, never of what hosts say.
const outside = (text, address) =>
  el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, text);

function toManual([title, address]) {
  if (!title) return "";
  const text = `Troubleshooting: ${title}`;
  if (!data.manual) return el("span", { class: "also" }, text);
  return outside(text, `${data.manual}troubleshooting.html${address}`);
}

const stateLink = (letter) =>
  letter === NOTHING_KNOWN || !data.manual ? word(letter)
    : outside(word(letter), `${data.manual}drift.html#reading-the-report`);

const hostButton = (host, action = openHost) => button(host.name, "link name", () => action(host));

const ageText = ({ age }) => (age ? `${age} before the newest` : "");
const seenText = (host) =>
  (host.when ? [`seen ${host.when}`, ageText(host)].filter(Boolean).join(", ") : "");

const ageOf = (host, text) =>
  el("span", { class: `age ${host.isOld ? "is-old" : ""}`, title: seenText(host) }, text);

// In a merged report, with what it is older than the newest.
const namedHost = (host, action = openHost) => {
  const name = hostButton(host, action);
  return host.age ? el("span", {}, name, " ", ageOf(host, `${host.age} older`)) : name;
};

const historyBadge = (history) =>
  history ? el("span", { class: `badge ${history === "new" ? "is-new" : ""}` }, history) : "";
