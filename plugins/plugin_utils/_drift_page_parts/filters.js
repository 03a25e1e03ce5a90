// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Filters: each word is somewhere in the name; one with * is all of it, as for --limit.

const words = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);

// In one go over the text, whatever an address asks for.
function fits(text, pattern) {
  const parts = pattern.split("*"), last = parts.pop(), first = parts.shift();
  if (!text.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}

const ofHost = (name, word) => (word.includes("*") ? fits(name, word) : name.includes(word));

// As in other lists of patterns: without a slash it is of the last name, and with one of the path,
// from any of its slashes on.
function ofPath(path, word) {
  if (!word.includes("*")) return path.includes(word);
  if (!word.includes("/")) return fits(path.slice(path.lastIndexOf("/") + 1), word);
  for (let from = 0; ; from = path.indexOf("/", from) + 1) {
    if (fits(path.slice(from), word)) return true;
    if (path.indexOf("/", from) < 0) return false;
  }
}
