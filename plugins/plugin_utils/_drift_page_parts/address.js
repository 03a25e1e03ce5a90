// SPDX-FileCopyrightText: 2026 ebpf.pinning contributors
// SPDX-License-Identifier: GPL-3.0-or-later
//
// The address: what is chosen, and which details are open. Back closes them.

let isLeaving = false; // the browser goes back, and says later that it has
let entered = null; // meanwhile

const asked = () => new URLSearchParams(location.hash.slice(1));
const depth = () => (history.state && history.state.depth) || 0;

function target() {
  const { show = "", at = "", of = "" } = Object.fromEntries(asked());
  return show ? { show, at, of } : null;
}

function chosenAddress() {
  const address = asked();
  for (const name of ["show", "at", "of"]) address.delete(name);
  return address;
}

// What is shown: a pin of a host, a host, a pin, a cause ...; see VIEWS.
function enter(show, at = "", of = "") {
  if (isLeaving) {
    entered = [show, at, of];
    return;
  }
  const address = chosenAddress();
  for (const [name, value] of Object.entries({ show, at, of })) if (value) address.set(name, value);
  history.pushState({ depth: depth() + 1 }, "", `#${address}`);
  showDetails();
}

function leave() {
  if (target()) {
    const steps = depth();
    isLeaving = steps > 0;
    if (steps) history.go(-steps);
    else history.replaceState(null, "", `#${chosenAddress()}`);
  }
  details.close();
}

addEventListener("popstate", () => {
  isLeaving = false;
  readAddress();
  if (entered) enter(...entered);
  entered = null;
});
