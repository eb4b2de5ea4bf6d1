// What all pages share: asking the server, saving without losing anything, making elements, and the list of keys.

import { inPercent } from "./shares.js";

let token = "";
try { token = localStorage.getItem("fieldguide-token") ?? ""; } catch (error) { /* changes are refused, in words */ }

/** An element; properties are set as properties, and texts stay texts whatever they hold. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value; else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

/** The JSON that a path answers. Throws an Error with the server's line; with `.later` where asking again may help. */
export async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { "x-fieldguide-token": token, ...options.headers } });
  } catch (error) {
    throw Object.assign(new Error("the app does not answer: start `fieldguide app` again"), { later: true });
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let said = text.trim();
  try { said = JSON.parse(text).error ?? said; } catch (error) { /* it is plain text */ }
  throw Object.assign(new Error(said.split("\n")[0] || `the app answered ${response.status}`), { later: response.status >= 500 });
}

export const post = (path, content) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content) });

export function toast(text, bad = false) {
  const shown = el("div", { className: bad ? "toast bad" : "toast", textContent: text });
  byId("toasts").append(shown);
  setTimeout(() => shown.remove(), bad ? 8000 : 3000);
}

/** Says why something was refused: one line, however many were. */
export function tellRefused(refusals) {
  if (refusals.length) toast(refusals.length > 1 ? `${refusals.length} refused; the first: ${refusals[0]}` : refusals[0], true);
}

/** Puts a text into an element, with what stands between backticks as code. */
export function say(element, text) {
  element.replaceChildren(...text.split("`").map((part, place) => (place % 2 ? el("code", { textContent: part }) : part)));
  return element;
}

const saved = byId("saved");
function tell(text, waiting) {
  saved.textContent = text;
  saved.classList.toggle("waiting", waiting);
}

/** What the browser keeps for this page; nothing where it keeps nothing. */
export function recall(key) {
  try { return JSON.parse(sessionStorage.getItem(key) ?? "[]"); } catch (error) { return []; }
}

/** Has the browser keep something over a reload, unless that is forbidden or too large for it. */
export function keep(key, content) {
  try {
    sessionStorage.removeItem(key); // an old list would be sent again
    sessionStorage.setItem(key, JSON.stringify(content));
  } catch (error) { /* the page has it as long as it is open, and asks before it closes */ }
}

/** Sends what people did, in order, again until the server has it; what waits outlives a reload of the page. */
export class Outbox {
  constructor(path, done) {
    this.path = path;
    this.done = done;
    this.key = `fieldguide${path}`;
    this.waiting = recall(this.key);
    this.sending = null;
    addEventListener("beforeunload", (event) => { if (this.waiting.length) event.preventDefault(); });
    if (this.waiting.length) this.send();
  }

  get isEmpty() { return this.waiting.length === 0; }

  add(...contents) {
    this.waiting.push(...contents);
    this.keep();
    this.send();
  }

  keep() { keep(this.key, this.waiting); }

  async send() {
    if (this.sending) return;
    this.sending = true;
    while (this.waiting.length) {
      const content = this.waiting[0];
      let answer = null;
      tell(`saving ${this.waiting.length} …`, false);
      try {
        answer = await post(this.path, content);
      } catch (error) {
        if (error.later) {
          tell(`${this.waiting.length} not saved: ${error.message}`, true);
          await new Promise((resolve) => setTimeout(resolve, 700));
          continue;
        }
        toast(error.message, true);
      }
      this.waiting.shift();
      this.keep();
      try { await this.done(answer, content); } catch (error) { toast(error.message, true); }
    }
    this.sending = false;
    tell("all saved", false);
  }
}

/** Calls the function of a key, but where a person types or chooses. */
export function onKeys(keys) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    if (event.target.matches("input:not([type=checkbox], [type=file]), textarea, select")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.target.matches("button, a, summary, input[type=file]") && (name === "Enter" || name === " ")) return;
    const act = /^[1-9]$/.test(name) ? keys.number && (() => keys.number(Number(name))) : keys[name];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || /^(Arrow.*|Home|End)$/.test(name)) act(event); // a key held down decides once
  });
}

onKeys({ "?": () => byId("keys").showModal() });
byId("help").addEventListener("click", () => byId("keys").showModal());

/** Fills a select with "all" and the values, each with how many there are. */
export function fillSelect(select, values, all = "all") {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const chosen = select.value;
  select.replaceChildren(
    el("option", { value: "", textContent: all }),
    ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)).filter(([value]) => value !== "")
      .map(([value, count]) => el("option", { value, textContent: `${value} (${count})` })),
  );
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = "";
  select.disabled = select.options.length < 2;
}

/** The buttons of labels, the first nine with their number. */
export function labelButtons(labels, choose) {
  return labels.map((label, place) => {
    const button = el("button", { type: "button" }, ...(place < 9 ? [el("kbd", { textContent: place + 1 }), " "] : []), label);
    button.addEventListener("click", () => choose(label));
    return button;
  });
}

/** A share from 0 to 1 as a bar with its name and its figure. */
export function bar(name, share, isStrong = true) {
  const filled = el("i");
  filled.style.width = `${100 * share}%`;
  return el("div", { className: isStrong ? "bar strong" : "bar" }, filled,
    el("span", { textContent: name }), el("b", { textContent: inPercent(share) }));
}
