import { Outbox, ask, bar, byId, el, labelButtons, onKeys, post, say, tellRefused, toast } from "./core.js";

const grid = byId("grid");
const state = { items: [], labels: [], acts: {}, current: 0, undo: [], alone: false, left: 0 };
const cards = new Map();
const outbox = new Outbox("/api/label", (answer) => {
  for (const { key } of answer?.refused ?? []) {
    delete state.acts[key];
    drawAct(key);
  }
  tellRefused((answer?.refused ?? []).map((one) => one.refusal));
  if (answer) tellLeft(answer.left);
});
const currentItem = () => state.items[state.current];
const words = (act) => (act.act === "aside" ? "set aside" : act.act === "skip" ? "skipped" : act.label);

function cardOf(item) {
  const card = el("div", { className: "card", role: "option", id: `card-${item.key}`, ariaSelected: "false" },
    el("img", { loading: "lazy", decoding: "async", width: 320, height: 240, alt: item.name, src: `/waiting/${item.key}/320` }),
    el("div", { className: "text" }, bar(item.guess, item.probability), el("span", { textContent: item.reason || item.name.split("/").pop(), title: item.name })));
  card.addEventListener("click", () => {
    const place = state.items.indexOf(item);
    if (place === state.current) lookAt(true); else go(place);
  });
  return card;
}

function drawAct(key) {
  const card = cards.get(key), act = state.acts[key];
  card?.classList.toggle("done", Boolean(act));
  card?.querySelector(".badge")?.remove();
  if (act) card?.append(el("span", { className: `badge ${act.act === "label" ? "" : "keep"}`, textContent: words(act) }));
  tellProgress();
}

function draw() {
  const item = currentItem();
  grid.hidden = state.alone || !item;
  byId("one").hidden = !state.alone || !item;
  byId("as-grid").ariaPressed = String(!state.alone);
  byId("as-one").ariaPressed = String(state.alone);
  byId("actions").hidden = !item;
  if (!item) return;
  for (const card of grid.querySelectorAll(".current")) {
    card.classList.remove("current");
    card.ariaSelected = "false";
  }
  cards.get(item.key).classList.add("current");
  cards.get(item.key).ariaSelected = "true";
  grid.setAttribute("aria-activedescendant", `card-${item.key}`);
  if (!state.alone) return cards.get(item.key).scrollIntoView({ block: "nearest" });
  const address = `/waiting/${item.key}/1280`;
  if (byId("big").getAttribute("src") !== address) Object.assign(byId("big"), { src: address, alt: item.name });
  byId("big-text").textContent = item.name;
  byId("place").textContent = `${state.current + 1} of ${state.items.length}: the classifier guesses`;
  byId("guess").replaceChildren(bar(item.guess, item.probability), ...(item.reason ? [el("p", { className: "alarm", textContent: item.reason })] : []));
  byId("decided").textContent = state.acts[item.key] ? words(state.acts[item.key]) : "";
  for (const next of state.items.slice(state.current + 1, state.current + 3)) new Image().src = `/waiting/${next.key}/1280`;
}

function tellProgress() {
  const done = state.items.filter((item) => state.acts[item.key]).length;
  byId("done").textContent = state.items.length ? `${done} of ${state.items.length} done` : "";
  Object.assign(document.querySelector("#progress progress"), { max: Math.max(1, state.items.length), value: done });
}

function tellLeft(left) {
  byId("left").textContent = left ? `${left} picture${left === 1 ? "" : "s"} without a label` : "";
}

function go(place) {
  state.current = Math.max(0, Math.min(place, state.items.length - 1));
  draw();
}

function lookAt(alone) {
  state.alone = alone;
  draw();
}

function act(what, label = "") {
  const item = currentItem();
  if (!item) return;
  state.undo.push({ key: item.key, before: state.acts[item.key] });
  put(item.key, { act: what, label });
  if (state.current === state.items.length - 1) draw(); else go(state.current + 1);
}

function put(key, wanted) {
  const had = state.acts[key];
  if (wanted) state.acts[key] = wanted; else delete state.acts[key];
  drawAct(key);
  if (wanted && wanted.act !== "skip") outbox.add({ pictures: [{ key, ...wanted }] });
  else if (had && had.act !== "skip") outbox.add({ pictures: [{ key, act: "back" }] });
}

function undo() {
  const step = state.undo.pop();
  if (!step) return toast("nothing to undo");
  put(step.key, step.before);
  const place = state.items.findIndex((item) => item.key === step.key);
  if (place >= 0) go(place);
}

async function more() {
  if (!outbox.isEmpty) return toast("a moment: something is being saved");
  const keys = state.items.map((item) => item.key).filter((key) => !state.acts[key] || state.acts[key].act === "skip");
  try {
    const answer = await post("/api/label/next", { keys });
    if (answer.is_ready) take(answer); else await load(); // new files came
  } catch (error) { toast(error.message, true); }
}

function take(answer) {
  Object.assign(state, { items: answer.items, labels: answer.labels, acts: {}, undo: [], current: 0 });
  cards.clear();
  for (const item of state.items) cards.set(item.key, cardOf(item));
  grid.replaceChildren(...cards.values());
  byId("labels").replaceChildren(...labelButtons(answer.labels, (label) => act("label", label)));
  byId("empty").hidden = state.items.length > 0;
  say(byId("empty"), "Nothing waits for a label. Put pictures into `data/incoming/unlabelled`, or start the app with a folder: `fieldguide app FOLDER`.");
  tellLeft(answer.left);
  if (answer.unread) byId("left").textContent += `; ${answer.unread} cannot be read`;
  tellProgress();
  draw();
  scrollTo(0, 0);
}

const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;
const step = (sideways, rows) => () => go(state.current + sideways + (state.alone ? Math.sign(rows) : rows * columns()));
const agree = () => currentItem() && act("label", currentItem().guess);
onKeys({
  number: (place) => state.labels[place - 1] !== undefined && act("label", state.labels[place - 1]),
  Enter: agree, d: () => act("aside"), s: () => act("skip"), u: undo, m: more, v: () => lookAt(!state.alone), Escape: () => lookAt(false),
  ArrowRight: step(1, 0), ArrowLeft: step(-1, 0), ArrowDown: step(0, 1), ArrowUp: step(0, -1),
});
for (const [id, call] of Object.entries({ agree, aside: () => act("aside"), skip: () => act("skip"), undo, more, "as-grid": () => lookAt(false), "as-one": () => lookAt(true) })) {
  byId(id).addEventListener("click", call);
}

async function load() {
  const answer = await ask("/api/label");
  if (answer.is_ready) return take(answer);
  byId("empty").hidden = false;
  byId("empty").textContent = answer.total ? `looking at the pictures: ${answer.done} of ${answer.total}` : "loading the classifier …";
  return new Promise((resolve, reject) => setTimeout(() => load().then(resolve, reject), 700));
}

try { await load(); } catch (error) {
  byId("empty").hidden = false;
  say(byId("empty"), error.message);
}
