import { ask, bar, byId, el, onKeys, say, toast } from "./core.js";
import { percent } from "./shares.js";

const LOOK = "where it looks";
const MAX_BYTES = 64 * 2 ** 20;
const video = byId("video"), files = byId("files"), drop = byId("drop");
let isMap = false, isOpening = false, stream = null, waiting = Promise.resolve();

/** Asks about pictures one after the other, in the order in which they came. */
function take(pictures) {
  for (const picture of pictures) {
    const card = el("article", { className: "answer" }, el("p", { className: "soft", textContent: `asking about ${picture.name ?? "the picture"} …` }));
    byId("answers").prepend(card);
    waiting = waiting.then(() => answer(card, picture));
  }
}

async function answer(card, picture) {
  const name = picture.name ?? "the picture";
  try {
    if (picture.size > MAX_BYTES) throw new Error("too large: at most 64 MB are taken");
    draw(card, name, await ask("/api/try", { method: "POST", body: picture }));
  } catch (error) {
    card.replaceChildren(el("p", { className: "alarm", textContent: `${name}: ${error.message}` }));
  }
}

function draw(card, name, found) {
  const labels = [...found.labels].sort((a, b) => b[1] - a[1]);
  const look = el("button", { type: "button", className: "look", textContent: LOOK });
  const image = el("img", { width: 640, height: 480, alt: name });
  const said = el("p", { className: "soft" });
  const colours = el("div", { className: "colours", hidden: true }, said,
    el("p", { className: "ends" }, "nothing", el("img", { width: 192, height: 24, alt: "from dim grey to bright yellow", src: "/colour-scale" }), "most"));
  const show = async (wanted) => {
    look.ariaPressed = String(wanted);
    if (wanted) look.textContent = "looking …";
    const asked = wanted && await ask(`/api/tried/${found.key}/look`).catch((error) => toast(error.message, true));
    look.textContent = LOOK;
    if (look.ariaPressed !== String(wanted)) return;  // turned back meanwhile
    if (wanted && !asked) look.ariaPressed = "false";
    image.src = `/tried/${found.key}/${asked ? "look" : "picture"}`;
    image.alt = asked ? asked.text : name;
    said.textContent = asked ? `${asked.text}; by ${asked.method}` : "";
    colours.hidden = !asked;
  };
  look.addEventListener("click", () => show(look.ariaPressed !== "true"));
  card.show = show;
  const verdict = found.out_of_domain ? `out of domain: ${found.reason}` : "like the pictures that it knows";
  card.replaceChildren(
    el("div", { className: "seen" }, el("div", { className: "view" }, image, look), colours),
    el("div", { className: "said" },
      el("h2", { textContent: found.out_of_domain ? "probably none of these" : labels[0][0] }),
      el("div", { className: "bars" }, ...labels.slice(0, 8).map(([label, share], place) => bar(label, share, place === 0))),
      el("p", { className: found.out_of_domain ? "alarm" : "soft", textContent: `${verdict} (${found.p_value_in_words})` }),
      el("p", { className: "soft", textContent: name })),
    el("div", { className: "similar" }, el("p", { className: "soft", textContent: "most similar in training" }),
      ...found.similar.map((one) => el("figure", {},
        el("img", { width: 160, height: 120, loading: "lazy", alt: one.label, src: `/picture/${one.id}/320` }),
        el("figcaption", { textContent: `${one.label}, ${percent(one.similarity, 0)} alike` })))));
  show(isMap);
}

async function open() {
  if (stream || isOpening) return;
  isOpening = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 }, audio: false });
  } catch (error) {
    return toast("no camera: the browser does not give one", true);
  } finally {
    isOpening = false;
  }
  byId("live").hidden = false;
  video.srcObject = stream;
  await video.play();
  byId("shoot").focus();
}

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  byId("live").hidden = true;
}

function shoot() {
  if (!stream) return;
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => take([new File([blob], "from the camera", { type: blob.type })]), "image/jpeg", 0.92);
}

files.addEventListener("change", () => { take(files.files); files.value = ""; });
for (const name of ["dragover", "dragenter"]) addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
for (const name of ["dragleave", "drop"]) addEventListener(name, () => drop.classList.remove("over"));
addEventListener("drop", (event) => { event.preventDefault(); take(event.dataTransfer.files); });
addEventListener("paste", (event) => take([...event.clipboardData.files].filter((file) => file.type.startsWith("image/"))));
byId("camera").addEventListener("click", open);
byId("shoot").addEventListener("click", shoot);
byId("close").addEventListener("click", close);
onKeys({
  o: () => files.click(), c: open, Escape: close, " ": shoot,
  w: () => {
    isMap = !isMap;
    for (const card of document.querySelectorAll(".answer")) card.show?.(isMap);
  },
});

async function load() {
  const answer = await ask("/api/try");
  byId("empty").textContent = answer.is_ready ? "" : answer.total ? `looking at the training pictures: ${answer.done} of ${answer.total}` : "loading the classifier …";
  if (!answer.is_ready) setTimeout(() => load().catch(fail), 700);
}

function fail(error) { say(byId("empty"), error.message); }

load().catch(fail);
