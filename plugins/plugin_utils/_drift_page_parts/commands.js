// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// What to run next, for some hosts only.

const MOST_OF_A_COMMAND = 100000; // characters; Linux takes 128 KiB for one argument
// What is a pattern to Ansible, or ends the quotes of a shell, is no plain name.
const PLAIN_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.:@-]*$/u;

function limitOf(some) {
  const plain = some.filter((host) => PLAIN_NAME.test(host.name));
  return { limit: `--limit='${plain.map((host) => host.name).join()}'`, odd: some.length - plain.length,
           isEmpty: !plain.length };
}

function commandsFor(some) {
  const { limit, odd, isEmpty } = limitOf(some);
  const body = [];
  if (!isEmpty) {
    body.push(copied(`Limit to ${some.length === 1 ? "this host" : "these hosts"}`, limit));
    for (const [what, command] of data.commands) body.push(copied(what, `${command} ${limit}`));
  }
  if (odd) {
    body.push(el("p", { class: "on" },
      `${plural(odd, "host")} cannot be named in a --limit: not by a plain name.`));
  }
  if (limit.length > MOST_OF_A_COMMAND) {
    body.push(el("p", { class: "on" },
      "That is too long for a command line: put the names into a file, a line each, and say " +
      "--limit=@FILE."));
  }
  return el("section", { class: "next" }, el("h3", {}, "What to run next"), ...body);
}

function copied(what, text) {
  const shownText = el("code", { tabindex: "0" }, text);
  const said = el("span", { class: "said", role: "status" });
  const copy = button("Copy", "copy", () => {
    const selectIt = () => {
      getSelection().selectAllChildren(shownText);
      said.textContent = "Selected: copy it with Ctrl+C";
    };
    if (!navigator.clipboard) selectIt();
    else navigator.clipboard.writeText(text).then(() => { said.textContent = "Copied"; }, selectIt);
  });
  copy.setAttribute("aria-label", `Copy: ${what}`);
  return el("div", { class: "command" }, el("p", {}, what, " ", copy, " ", said), shownText);
}
