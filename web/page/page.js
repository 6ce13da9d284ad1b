import { Network } from "./condensenet.js";

const by = (id) => document.getElementById(id);
const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
let network = null;
let photo = null;

/** Does one thing after the other, tells what it is, then what came of it, and shows what went wrong. */
let last = Promise.resolve();
function step(what, work) {
  last = last.then(async () => {
    by("status").textContent = what;
    by("error").textContent = "";
    let done = "";
    try {
      done = await work();
    } catch (error) {
      by("error").textContent = error.message;
    }
    by("status").textContent = done ?? "";
  });
}

async function open(source) {
  network = await Network.open(source);
  const { name, classes, size, flops, provenance } = network.about;
  const facts = [name, `${classes} classes`, `${size} × ${size} pixels`, `${(flops / 1e6).toFixed(0)} million multiply-adds`];
  by("about").textContent = facts.concat(provenance ?? []).join(" · ");
}

async function classify() {
  if (!network) throw new Error("Open a network file first.");
  const answer = await network.classify(photo);
  const { predictions, milliseconds } = answer;
  by("classes").replaceChildren(...predictions.map(line));
  by("time").textContent = `${network.about.name}: ${milliseconds.network.toFixed(1)} ms for the network, ${milliseconds.photo.toFixed(1)} ms to read the photo`;
  by("result").hidden = false;
  document.dispatchEvent(new CustomEvent("classified", { detail: answer }));
  const [{ probability }] = predictions;
  return `${label(predictions[0])}, ${percent.format(probability)}`;
}

function label({ class: number, name }) {
  return name ?? `class ${number}`;
}

function line(prediction) {
  const text = (tag, kind, content) => Object.assign(document.createElement(tag), { className: kind, textContent: content });
  const line = document.createElement("li");
  const bar = text("div", "bar", "");
  bar.append(document.createElement("i"));
  bar.firstChild.style.width = `${100 * prediction.probability}%`;
  line.append(text("span", "name", label(prediction)), text("span", "share", percent.format(prediction.probability)), bar);
  return line;
}

function show(file) {
  photo = file;
  by("result").hidden = true;
  URL.revokeObjectURL(by("preview").src);
  by("preview").src = URL.createObjectURL(file);
  by("preview").alt = file.name;
  by("preview").hidden = false;
  by("hint").hidden = true;
  step("Looking …", classify);
}

for (const id of ["photo", "taken"]) {
  by(id).addEventListener("change", ({ target }) => {
    if (target.files.length) show(target.files[0]);
    target.value = ""; // the same photo may be chosen again
  });
}

by("network").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  step(`Opening ${file.name} …`, async () => {
    await open(file);
    return photo ? classify() : `${network.about.name} is open.`;
  });
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    by("drop").classList.toggle("over", kind === "dragover");
    const [file] = kind === "drop" ? event.dataTransfer.files : [];
    if (file) show(file);
  });
}

step("Opening the network …", async () => {
  try {
    await open("network.safetensors");
  } catch (error) {
    by("about").textContent = "No network is open. Open a file that condensenet has written.";
    if (error.status !== 404) throw error;
  }
});
