import { ask, byId, el, onKeys, say, toast } from "./core.js";
import { between, decimal, inPercent, percent } from "./shares.js";

const NUMBERS = { valid_accuracy: "valid accuracy", accuracy: "test accuracy (95 % interval)", macro_f1: "macro F1", log_loss: "log loss", ece: "calibration error" };
const state = { runs: [], chosen: [], sort: "valid_accuracy", current: 0, link: () => "#" };
const orNothing = (tell) => (value) => (value === null || value === undefined ? "–" : tell(value));
const share = orNothing((value) => percent(value)), number = orNothing((value) => decimal(value));

/** A line from 0 to 1 with the interval and the value on it. */
function interval({ accuracy, accuracy_low: low, accuracy_high: high }) {
  if (accuracy == null || low == null) return "";
  const line = el("i"), dot = el("b");
  Object.assign(line.style, { left: `${100 * low}%`, right: `${100 - 100 * high}%` });
  dot.style.left = `${100 * accuracy}%`;
  return el("div", { className: "interval" }, line, dot);
}

function cells(run) {
  const figures = run.figures;
  const reach = figures.accuracy_low == null ? "" : between(figures.accuracy_low, figures.accuracy_high);
  return [
    el("td", {}, share(figures.valid_accuracy)),
    el("td", {}, share(figures.accuracy), " ", el("small", { textContent: reach }), interval(figures)),
    el("td", {}, number(figures.macro_f1)), el("td", {}, number(figures.log_loss)), el("td", {}, number(figures.ece)),
  ];
}

function drawBoard() {
  const isBetterLow = ["log_loss", "ece"].includes(state.sort);
  const worth = (run) => run.figures[state.sort] ?? (isBetterLow ? Infinity : -Infinity);
  state.runs.sort((a, b) => (isBetterLow ? worth(a) - worth(b) : worth(b) - worth(a)) || (a.started < b.started ? 1 : -1));
  const heads = Object.entries(NUMBERS).map(([name, text]) => {
    const button = el("button", { type: "button", className: "sort", textContent: text });
    button.addEventListener("click", () => { state.sort = name; drawBoard(); });
    return el("th", { ariaSort: state.sort === name ? (isBetterLow ? "ascending" : "descending") : "none" }, button);
  });
  document.querySelector("#runs thead").replaceChildren(el("tr", {}, el("th"), el("th", { textContent: "run" }), ...heads, el("th", { textContent: "started" }), el("th", { textContent: "state" })));
  document.querySelector("#runs tbody").replaceChildren(...state.runs.map((run, place) => {
    const key = run.id || ".", pick = el("input", { type: "checkbox", checked: state.chosen.includes(key), tabIndex: -1, ariaLabel: `compare ${run.name}` });
    const name = run.id ? el("a", { href: state.link(run.id), target: "_blank", rel: "noopener noreferrer", textContent: run.name }) : el("b", { textContent: run.name });
    const row = el("tr", { className: `${place === state.current ? "current " : ""}${state.chosen.includes(key) ? "chosen" : ""}` },
      el("td", {}, pick), el("td", {}, name, " ", el("small", { textContent: run.kind === "training" ? run.id.slice(0, 8) : run.kind })), ...cells(run),
      el("td", {}, run.started.slice(0, 16).replace("T", " ")), el("td", {}, run.state));
    row.addEventListener("click", (event) => { if (!event.target.closest("a")) { state.current = place; choose(place); } });
    return row;
  }));
  byId("actions").hidden = state.chosen.length === 0 || !byId("comparison").hidden;
  byId("chosen").textContent = state.chosen.length === 2 ? "two runs chosen" : "choose one more";
  byId("compare").disabled = state.chosen.length !== 2;
}

function choose(place) {
  const key = state.runs[place].id || ".";
  state.chosen = state.chosen.includes(key) ? state.chosen.filter((other) => other !== key) : [...state.chosen, key].slice(-2);
  drawBoard();
}

function step(by) {
  state.current = Math.max(0, Math.min(state.current + by, state.runs.length - 1));
  drawBoard();
  document.querySelectorAll("#runs tbody tr")[state.current]?.scrollIntoView({ block: "nearest" });
}

function show(isComparison) {
  byId("comparison").hidden = !isComparison;
  byId("board").hidden = byId("rollout").hidden = isComparison;
  drawBoard();
  scrollTo(0, 0);
}

async function compare() {
  if (state.chosen.length !== 2) return;
  byId("compare").disabled = true;
  try {
    const [first, second] = state.chosen;
    drawComparison(await ask(`/api/compare?${new URLSearchParams({ first, second })}`));
    show(true);
  } catch (error) { toast(error.message, true); }
  byId("compare").disabled = false;
}

function drawComparison(found) {
  byId("names").textContent = `${found.names[0]} and ${found.names[1]}`;
  byId("verdict").textContent = found.verdict;
  byId("evidence").textContent = [found.note, found.evidence].filter(Boolean).join(" ");
  const rows = found.figures.map(({ name, values }) => el("tr", {}, el("th", { textContent: name }), ...values.map(([value, low, high]) =>
    el("td", {}, number(value), " ", el("small", { textContent: low === null || low === undefined ? "" : `${number(low)} to ${number(high)}` })))));
  const choices = found.choices.map(([name, ...values]) => el("tr", {}, el("th", { textContent: name }), ...values.map((value) => el("td", { textContent: value || "–" }))));
  byId("figures").replaceChildren(
    el("thead", {}, el("tr", {}, el("th"), ...found.names.map((name) => el("th", { textContent: name })))),
    el("tbody", {}, ...rows, ...choices));
  byId("order").textContent = found.groups.length ? `Below each picture: its label, then the answer of ${found.names[0]}, then that of ${found.names[1]}.` : "";
  byId("groups").replaceChildren(...(found.groups.length ? found.groups : [{ title: "They predict all pictures alike", count: 0, rows: [] }]).flatMap(({ title, count, rows: pictures }) => [
    el("h2", { textContent: count ? `${title} (${count})` : title }),
    el("div", { className: "grid" }, ...pictures.map((row) => el("div", { className: "card plain" },
      el("img", { loading: "lazy", width: 320, height: 240, alt: row.path, src: `/picture/${row.id}/320` }),
      el("div", { className: "text" }, el("b", { textContent: row.label }),
        ...[0, 1].map((place) => el("span", { className: row[`answer_${place}`] === row.label ? "right" : "wrong",
          textContent: `${row[`answer_${place}`]} ${inPercent(row[`probability_${place}`])}`, title: found.names[place] })))))),
  ]));
}

function drawRollout(rollout) {
  const standing = [...(rollout.champion ? [rollout.champion] : []), ...rollout.candidates];
  const tiles = standing.map((one) => el("div", { className: "tile step" },
    el("b", { textContent: `${one.step}: version ${one.version}` }),
    el("span", { textContent: `since ${(one.since ?? "?").slice(0, 10)}, run ${one.run.slice(0, 8)}` }),
    ...(one.needs ?? []).map((need) => el("p", { className: `need ${need.met ? "met" : "missing"}` },
      el("span", { textContent: `${need.met ? "✓" : "✗"} ${need.name}` }), say(el("small"), `${need.found} (needed: ${need.wanted})`))),
    ...(one.next ? [el("small", { textContent: `next: ${one.next}` })] : [])));
  byId("rollout").replaceChildren(el("h2", { textContent: "Roll-out" }),
    standing.length ? el("div", { className: "tiles" }, ...tiles) : say(el("p", { className: "soft" }), "No version is registered yet: `fieldguide rollout register RUN`."),
    ...rollout.warnings.map((text) => el("p", { className: "alarm", textContent: text })));
}

onKeys({
  ArrowDown: () => step(1), ArrowUp: () => step(-1), " ": () => state.runs.length && choose(state.current),
  Enter: compare, Escape: () => show(false),
});
byId("compare").addEventListener("click", compare);
byId("back").addEventListener("click", () => show(false));

try {
  const answer = await ask("/api/runs");
  state.runs = answer.runs.filter((run) => run.kind === "training");
  byId("count").textContent = `${state.runs.length} run${state.runs.length === 1 ? "" : "s"}`;
  state.link = (id) => `${answer.mlflow}/#/experiments/${answer.experiment}/runs/${id}`;
  byId("mlflow").href = answer.mlflow;
  say(byId("ui-hint"), answer.is_server ? "" : "(start it with `fieldguide ui`)");
  if (answer.has_checkout) state.runs.unshift({ id: "", name: "the results in this checkout", kind: "now", started: "", state: "", figures: answer.checkout });
  byId("empty").hidden = state.runs.length > 0;
  say(byId("empty"), "No runs yet: `dvc repro` logs the first one.");
  drawBoard();
  drawRollout((await ask("/api/rollout")).state);
} catch (error) {
  byId("empty").hidden = false;
  say(byId("empty"), error.message);
}
