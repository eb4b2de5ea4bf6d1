import { Outbox, ask, byId, el, fillSelect, keep, labelButtons, onKeys, recall, say, tellRefused, toast } from "./core.js";

const grid = byId("grid"), one = byId("one"), filters = byId("filters"), note = byId("note");
const state = {
  labels: [], queue: [], others: null, decisions: {}, shown: [], current: 0, selected: new Set(), last: 0,
  alone: location.hash === "#one", undo: recall("fieldguide-undo"),
};
const cards = new Map(); // by id
const SENT_AT_ONCE = 1000; // decisions: so that a page that is closed has few to keep
const UNDO = { steps: 200, characters: 1e6 };
const AT_ONCE = 420; // cards that the browser lays out or leaves out together; full rows of 1 to 7 columns
let marked = null; // the card of the current picture
const outbox = new Outbox("/api/review", (answer, content) => {
  if (!answer) return refresh();
  for (const outcome of answer.outcomes) set(outcome.id, outcome.now);
  tellRefused(answer.outcomes.map((outcome) => outcome.refusal).filter(Boolean));
  tellChanges(answer.changes);
});

const picture = (id, side) => `/picture/${id}/${side}`;
const currentItem = () => state.shown[state.current];

function set(id, decision) {
  if (decision) state.decisions[id] = decision; else delete state.decisions[id];
  const card = cards.get(id);
  if (card) drawDecision(card, decision);
  tellProgress();
  if (state.alone && currentItem()?.id === id) drawOne();
}

function drawDecision(card, decision) {
  card.classList.toggle("done", Boolean(decision));
  card.querySelector(".badge")?.remove();
  if (decision) card.append(el("span", { className: `badge ${decision.decision}`, textContent: decision.words, title: decision.note }));
}

function cardOf(item) {
  const pick = el("input", { type: "checkbox", className: "pick", tabIndex: -1, ariaLabel: `select ${item.name}` });
  const card = el("div", { className: "card", role: "option", id: `card-${item.id}`, ariaSelected: "false" },
    el("img", { loading: "lazy", decoding: "async", width: 320, height: 240, alt: item.name, src: picture(item.id, 320) }),
    pick,
    el("div", { className: "text" }, el("b", { textContent: item.label }), el("span", { textContent: item.reasons.join("; "), title: item.reasons.join("\n") })));
  card.addEventListener("click", (event) => {
    const place = state.shown.indexOf(item);
    if (event.target === pick || event.shiftKey || event.ctrlKey || event.metaKey) {
      event.preventDefault();
      setTimeout(() => select(place, event.shiftKey)); // after the box has its own way
    } else if (place === state.current) lookAt(true); else go(place);
  });
  drawDecision(card, state.decisions[item.id]);
  return card;
}

function matches(item, values) {
  const decided = item.id in state.decisions;
  if (values.show === "todo" && decided || values.show === "decided" && !decided) return false;
  return (!values.label || item.label === values.label) && (!values.site || item.site === values.site)
    && (!values.month || item.month === values.month) && (!values.reason || item.kinds.includes(values.reason));
}

async function filter() {
  const values = Object.fromEntries(new FormData(filters));
  let items = state.queue;
  if (values.show === "all" || values.show === "decided") {
    state.others ??= (await ask("/api/review/others")).items;
    items = [...state.queue, ...state.others];
  }
  fillFilters(items);
  const before = currentItem()?.id;
  state.shown = items.filter((item) => matches(item, values));
  state.selected.clear();
  cards.clear();
  for (const item of state.shown) cards.set(item.id, cardOf(item));
  const all = [...cards.values()];
  grid.replaceChildren(...Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, place) =>
    el("div", { className: "grid", role: "presentation" }, ...all.slice(place * AT_ONCE, (place + 1) * AT_ONCE))));
  drawSelection([...cards.keys()]);
  state.current = Math.max(0, state.shown.findIndex((item) => item.id === before));
  const empty = byId("empty");
  empty.hidden = state.shown.length > 0;
  say(empty, state.queue.length ? "No picture here: choose another filter." : "Nothing is queued: `dvc repro` fills the queue.");
  if (values.show === "todo" && state.queue.length && state.queue.every((item) => item.id in state.decisions)) {
    say(empty, "All are decided. `dvc repro` applies the decisions.");
  }
  byId("actions").hidden = !state.shown.length;
  draw();
}

function fillFilters(items) {
  fillSelect(filters.label, items.map((item) => item.label));
  fillSelect(filters.site, items.map((item) => item.site));
  fillSelect(filters.month, items.map((item) => item.month));
  fillSelect(filters.reason, items.flatMap((item) => item.kinds));
}

function draw() {
  grid.hidden = state.alone || !state.shown.length;
  one.hidden = !state.alone || !state.shown.length;
  byId("as-grid").ariaPressed = String(!state.alone);
  byId("as-one").ariaPressed = String(state.alone);
  marked?.classList.remove("current");
  const item = currentItem();
  if (item) {
    marked = cards.get(item.id);
    marked.classList.add("current");
    grid.setAttribute("aria-activedescendant", `card-${item.id}`);
    if (state.alone) drawOne(); else marked.scrollIntoView({ block: "nearest" });
  }
  tellProgress();
}

function drawSelection(changed) {
  for (const id of changed) {
    const card = cards.get(id), isIn = state.selected.has(id);
    card.ariaSelected = String(isIn);
    card.querySelector(".pick").checked = isIn;
  }
  const chosen = byId("chosen"), count = state.selected.size;
  chosen.classList.toggle("some", count > 0);
  chosen.textContent = count ? `${count} selected:` : "this one:";
}

function drawOne() {
  const item = currentItem(), decision = state.decisions[item.id];
  const twin = item.twin && [...state.queue, ...(state.others ?? [])].find((other) => other.id === item.twin);
  show(byId("big"), item.id, item.name);
  byId("big-text").textContent = [item.name, item.site && `site ${item.site}`, item.month, `${item.width} × ${item.height}`].filter(Boolean).join(" · ");
  byId("twin").hidden = !item.twin;
  if (item.twin) {
    show(byId("twin-picture"), item.twin, "the other picture");
    byId("twin-text").textContent = twin ? `${twin.label}: ${twin.name}` : item.reasons.find((text) => /twin|looks like/.test(text)) ?? "";
  }
  byId("place").textContent = `${state.current + 1} of ${state.shown.length}`;
  byId("one-label").textContent = item.label;
  byId("reasons").replaceChildren(...item.reasons.map((text) => el("li", { textContent: text })));
  byId("decided").textContent = decision ? `${decision.words}, by ${decision.by}${decision.note ? `: ${decision.note}` : ""}`
    : item.suggestion ? `suggested: ${item.suggestion} (S)` : "";
  byId("decided").classList.toggle("soft", !decision);
  for (const next of state.shown.slice(state.current + 1, state.current + 3)) new Image().src = picture(next.id, 1280);
}

function show(image, id, text) {
  const address = picture(id, 1280);
  if (image.getAttribute("src") === address) return;
  image.src = address;
  image.alt = text;
}

function tellProgress() {
  let done = 0;
  for (const item of state.queue) done += item.id in state.decisions;
  byId("done").textContent = `${done} of ${state.queue.length} decided`;
  const bar = document.querySelector("#progress progress");
  bar.max = Math.max(1, state.queue.length);
  bar.value = done;
}

function tellChanges(changes) {
  say(byId("changes"), changes.length ? `The next \`dvc repro\` changes: ${changes.join(", ")}.` : "");
}

function go(place) {
  state.current = Math.max(0, Math.min(place, state.shown.length - 1));
  draw();
}

function columns() {
  return !grid.firstElementChild ? 1 : getComputedStyle(grid.firstElementChild).gridTemplateColumns.split(" ").length;
}

function select(place, isRange = false) {
  const [from, to] = isRange ? [Math.min(place, state.last), Math.max(place, state.last)] : [place, place];
  for (const item of state.shown.slice(from, to + 1)) {
    if (isRange || !state.selected.has(item.id)) state.selected.add(item.id); else state.selected.delete(item.id);
  }
  drawSelection(state.shown.slice(from, to + 1).map((item) => item.id));
  state.last = place;
  state.current = place;
  draw();
}

function lookAt(alone) {
  state.alone = alone;
  history.replaceState(null, "", alone ? "#one" : "#");
  draw();
}

/** What is decided about: the selected pictures, else the current one. */
function chosen() {
  const items = state.shown.filter((item) => state.selected.has(item.id));
  return items.length ? items : [currentItem()].filter(Boolean);
}

function decide(decision, label = "") {
  const items = chosen(), text = note.value.trim();
  if (!items.length) return;
  act(items.map((item) => {
    const isSame = decision === "relabel" && label === item.raw_label;
    return { id: item.id, decision: isSame ? "keep" : decision, label: isSame ? "" : label, note: text };
  }));
}

function suggested() {
  act(chosen().filter((item) => item.suggestion).map((item) => {
    const [decision, ...label] = item.suggestion.split(" ");
    return { id: item.id, decision, label: label.join(" "), note: note.value.trim() };
  }));
}

function act(wishes) {
  if (!wishes.length) return;
  const wordsOf = (wish) => `${wish.decision} ${wish.label}`.trim();
  remember(wishes.map((wish) => ({ id: wish.id, before: state.decisions[wish.id] ?? null, mine: wordsOf(wish) })));
  for (const wish of wishes) set(wish.id, { ...wish, words: wordsOf(wish), by: "you" });
  send(wishes);
  note.value = "";
  const selected = [...state.selected];
  state.selected.clear();
  drawSelection(selected);
  if (selected.length) draw(); else go(state.current + 1);
}

function remember(step) {
  state.undo.push(step);
  state.undo.splice(0, state.undo.length - UNDO.steps);
  keepUndo();
}

/** The newest steps outlive a reload, as many as a browser keeps. */
function keepUndo() {
  let from = state.undo.length, characters = 0;
  while (from > 0 && (characters += JSON.stringify(state.undo[from - 1]).length) <= UNDO.characters) from -= 1;
  keep("fieldguide-undo", state.undo.slice(from));
}

function send(wishes) {
  const pieces = Math.ceil(wishes.length / SENT_AT_ONCE);
  outbox.add(...Array.from({ length: pieces }, (_, place) => ({ wishes: wishes.slice(place * SENT_AT_ONCE, (place + 1) * SENT_AT_ONCE) })));
}

function undo() {
  const step = state.undo.pop();
  keepUndo();
  if (!step) return toast("nothing to undo");
  const wishes = step.map(({ id, before, mine }) => ({
    id, decision: before?.decision ?? "undo", label: before?.label ?? "", note: before?.note ?? "", instead_of: mine,
  }));
  for (const { id, before } of step) set(id, before);
  send(wishes);
  const place = state.shown.findIndex((item) => item.id === step[0].id);
  if (place >= 0) go(place);
  toast(step.length > 1 ? `took ${step.length} decisions back` : "took it back");
}

async function refresh() {
  if (!outbox.isEmpty || document.hidden) return;
  const answer = await ask("/api/review/decisions").catch(() => null);
  if (!answer || !outbox.isEmpty) return;
  for (const id of new Set([...Object.keys(answer.decisions), ...Object.keys(state.decisions)])) {
    const now = answer.decisions[id], had = state.decisions[id];
    if (JSON.stringify(now) !== JSON.stringify(had)) set(id, now ?? null);
  }
  tellChanges(answer.changes);
}

const step = (sideways, rows) => () => go(state.current + sideways + (state.alone ? Math.sign(rows) : rows * columns()));
onKeys({
  number: (place) => state.labels[place - 1] !== undefined && decide("relabel", state.labels[place - 1]),
  k: () => decide("keep"), d: () => decide("drop"), u: undo, s: suggested,
  n: () => { lookAt(true); note.focus(); },
  ArrowRight: step(1, 0), ArrowLeft: step(-1, 0), ArrowDown: step(0, 1), ArrowUp: step(0, -1),
  Home: () => go(0), End: () => go(state.shown.length - 1),
  Enter: () => lookAt(true), Escape: () => lookAt(false),
  " ": (event) => select(state.current, event.shiftKey),
  a: () => {
    const isAll = state.selected.size === state.shown.length;
    state.selected = new Set(isAll ? [] : state.shown.map((item) => item.id));
    drawSelection(state.shown.map((item) => item.id));
  },
});
note.addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); note.blur(); }
});
byId("as-grid").addEventListener("click", () => lookAt(false));
byId("as-one").addEventListener("click", () => lookAt(true));
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => (button.dataset.act === "undo" ? undo() : decide(button.dataset.act)));
}

try {
  const answer = await ask("/api/review");
  Object.assign(state, { labels: answer.labels, queue: answer.items, decisions: answer.decisions });
  byId("labels").replaceChildren(...labelButtons(answer.labels, (label) => decide("relabel", label)));
  tellChanges(answer.changes);
  for (const wish of outbox.waiting.flatMap((content) => content.wishes)) state.decisions[wish.id] = { ...wish, words: wish.decision, by: "you" };
  await filter();
  filters.addEventListener("change", filter); // not before: it would show a part, and remember a place in it
  setInterval(refresh, 3000);
} catch (error) {
  byId("empty").hidden = false;
  say(byId("empty"), error.message);
  byId("actions").hidden = true;
}
