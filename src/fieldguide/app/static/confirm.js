import { ask, bar, byId, el, labelButtons, onKeys, Outbox, say, toast } from "./core.js";

const state = { items: [], labels: [], current: 0, undo: [] };
const outbox = new Outbox("/api/confirm", (answer) => (answer ? tell(answer) : load(false).catch((error) => toast(error.message, true))));
const currentItem = () => state.items[state.current];

function tell({ versions, confirmed }) {
  for (const item of state.items) if (outbox.isEmpty) item.confirmed = confirmed[item.id] ?? "";
  byId("versions").replaceChildren(...versions.map((one) => el("div", { className: "tile" },
    el("b", { textContent: `${one.right} of ${one.confirmed} right` }),
    el("span", { textContent: `version ${one.version ?? "?"}, ${one.step}` }))));
  const done = state.items.filter((item) => item.confirmed).length;
  byId("done").textContent = `${done} of ${state.items.length} confirmed`;
  Object.assign(document.querySelector("#progress progress"), { max: Math.max(1, state.items.length), value: done });
}

function draw() {
  const item = currentItem();
  byId("one").hidden = byId("actions").hidden = !item;
  if (!item) return;
  const image = byId("big"), address = `/found/${item.id}/1280`;
  image.hidden = !item.is_here;
  byId("missing").hidden = item.is_here;
  say(byId("missing"), "Its file is in none of the folders here: start the app with its folder, `fieldguide app FOLDER`.");
  if (item.is_here && image.getAttribute("src") !== address) Object.assign(image, { src: address, alt: "the picture" });
  byId("big-text").textContent = [item.id, item.site && `site ${item.site}`, item.at].filter(Boolean).join(" · ");
  byId("place").textContent = `${state.current + 1} of ${state.items.length}`;
  byId("one-label").textContent = item.predictions[0].label;
  byId("predictions").replaceChildren(...item.predictions.map((one) => el("div", {},
    bar(one.label, one.probability),
    el("p", { className: "soft", textContent: `version ${one.version ?? "?"}, ${one.step}${one.p_value === null ? "" : `, ${one.p_value_in_words}`}` }),
    ...(one.out_of_domain ? [el("p", { className: "alarm", textContent: "out of domain" })] : []))));
  byId("decided").textContent = item.confirmed ? `confirmed: ${item.confirmed}` : "";
  for (const next of state.items.slice(state.current + 1, state.current + 3)) if (next.is_here) new Image().src = `/found/${next.id}/1280`;
}

function go(place) {
  state.current = Math.max(0, Math.min(place, state.items.length - 1));
  draw();
}

function confirm(label) {
  const item = currentItem();
  if (!item) return;
  state.undo.push({ id: item.id, before: item.confirmed });
  put(item, label);
  if (state.current === state.items.length - 1) draw(); else go(state.current + 1);
}

function put(item, label) {
  item.confirmed = label;
  outbox.add({ labels: [{ id: item.id, label }] });
}

function undo() {
  const step = state.undo.pop();
  if (!step) return toast("nothing to undo");
  const place = state.items.findIndex((item) => item.id === step.id);
  put(state.items[place], step.before);
  go(place);
}

onKeys({
  number: (place) => state.labels[place - 1] !== undefined && confirm(state.labels[place - 1]),
  Enter: () => currentItem() && confirm(currentItem().predictions[0].label),
  s: () => go(state.current + 1), u: undo,
  ArrowRight: () => go(state.current + 1), ArrowLeft: () => go(state.current - 1),
  ArrowDown: () => go(state.current + 1), ArrowUp: () => go(state.current - 1),
});
byId("right").addEventListener("click", () => confirm(currentItem().predictions[0].label));
byId("skip").addEventListener("click", () => go(state.current + 1));
byId("undo").addEventListener("click", undo);

/** How far the search for the files is; at its end they are shown, in an order that does not depend on it. */
async function follow() {
  const answer = await ask("/api/confirm/state");
  tell(answer);
  tellLooking(answer);
  if (!answer.looking) return load(false);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return follow();
}

function tellLooking({ looking, looked, total }) {
  byId("looking").textContent = looking ? `looking for the pictures: ${looked} of ${total || "…"} files` : "";
}

async function load(isFirst = true) {
  const answer = await ask(isFirst ? "/api/confirm?look=true" : "/api/confirm");
  if (answer.looking) return follow();
  if (state.items.length) {
    const here = new Set(answer.items.filter((item) => item.is_here).map((item) => item.id));
    for (const item of state.items) item.is_here = here.has(item.id); // in the order that the person knows
  } else {
    state.items = answer.items;
    state.current = Math.max(0, state.items.findIndex((item) => !item.confirmed));
  }
  if (JSON.stringify(state.labels) !== JSON.stringify(answer.labels)) { // a new button would lose the focus
    state.labels = answer.labels;
    byId("labels").replaceChildren(...labelButtons(answer.labels, confirm));
  }
  byId("empty").hidden = state.items.length > 0;
  say(byId("empty"), "Nothing is logged yet: `fieldguide predict --log PICTURES` predicts with the versions in the roll-out, and logs it.");
  tell(answer);
  draw();
  tellLooking(answer);
}

try { await load(); } catch (error) {
  byId("empty").hidden = false;
  say(byId("empty"), error.message);
}
