// Tests the page in target/web as people use it: `node web/test.mjs PHOTO ANSWERS SCREENSHOTS NETWORK...`
//
// ANSWERS is a folder with what the native program says about the photo, NETWORK.json for each network file. Pictures of the
// page go to the folder SCREENSHOTS, for eyes.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { test } from "node:test";
import { launch, serve } from "./browser.mjs";

const [photo, answers, screenshots, ...networks] = process.argv.slice(2).map((path) => resolve(path));
const folder = new URL("../target/web", import.meta.url).pathname;
const text = (selector) => `document.querySelector(${JSON.stringify(selector)}).textContent`;
const idle = `${text("#about")} !== "Loading …" && !${text("#status")}.endsWith("…")`;
const expected = async (network) => JSON.parse(await readFile(join(answers, `${basename(network, ".safetensors")}.json`), "utf8"));

/** Calls `use` with the page open, and sees to it that nothing went wrong in it and nothing was asked of other places. */
async function withPage(network, use) {
  const server = await serve(folder, { "/photo": photo, "/network.safetensors": network ?? "" });
  const page = await launch();
  try {
    const requests = [];
    const faults = [];
    page.on("Network.requestWillBeSent", ({ request }) => requests.push(request.url));
    page.on("Runtime.exceptionThrown", ({ exceptionDetails }) => faults.push(exceptionDetails.text));
    page.on("Log.entryAdded", ({ entry }) => entry.level === "error" && !entry.url?.endsWith("/network.safetensors") && faults.push(`${entry.text} ${entry.url}`));
    await Promise.all(["Network", "Runtime", "Log", "DOM"].map((domain) => page.send(`${domain}.enable`)));
    await page.open(server.address);
    await page.until(idle);
    await use(page, server);
    const elsewhere = requests.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(server.address));
    assert.deepEqual([elsewhere, faults], [[], []]);
  } finally {
    await page.close();
    server.close();
  }
}

/** What the page says the next time that it classifies. */
async function classified(page, act) {
  await page.evaluate(`void (globalThis.answer = new Promise((resolve) => document.addEventListener("classified", ({ detail }) => resolve(detail), { once: true })))`);
  await act();
  const answer = await page.evaluate("answer");
  await page.until(idle);
  return answer;
}

function assertSame(found, native) {
  const largest = Math.max(1, ...native.logits.map(Math.abs));
  const differences = native.logits.map((logit, place) => Math.abs(logit - found.logits[place]));
  assert.equal(found.logits.length, native.logits.length);
  assert.ok(Math.max(...differences) <= 1e-4 * largest, `logits differ by ${Math.max(...differences)}`);
  return Math.max(...differences);
}

for (const network of networks) {
  test(`a click and a photo give the logits of the native program: ${basename(network)}`, () => withPage(network, async (page) => {
    const native = await expected(network);
    const found = await classified(page, () => page.choose(photo, () => page.click("label:has(#photo)")));
    const difference = assertSame(found, native);
    const shown = await page.evaluate(`[...document.querySelectorAll("#classes li")].map((line) => [...line.querySelectorAll("span")].map((part) => part.textContent))`);
    const percent = (probability) => `${(100 * probability).toFixed(1)}%`;
    assert.deepEqual(shown, found.predictions.map(({ class: number, name, probability }) => [name ?? `class ${number}`, percent(probability)]));
    assert.deepEqual(found.predictions.map((prediction) => prediction.class), native.predictions.map((prediction) => prediction.class));
    const bars = await page.evaluate(`[...document.querySelectorAll("#classes i")].map((bar) => bar.offsetWidth / bar.parentElement.offsetWidth)`);
    bars.forEach((bar, place) => assert.ok(Math.abs(bar - found.predictions[place].probability) < 0.01, `bar ${place} fills ${bar}`));
    assert.match(await page.evaluate(text("#time")), /^\S+: \d+\.\d ms for the network, \d+\.\d ms to read the photo$/);
    const times = await page.evaluate(`import("./condensenet.js").then(async ({ Network }) => {
      const network = await Network.open("network.safetensors");
      const times = [];
      for (let run = 0; run < 51; run++) times.push((await network.classify("photo")).milliseconds.network);
      return times.sort((one, other) => one - other);
    })`);
    console.log(`${basename(network)}: ${times[25].toFixed(1)} ms in Chromium, ${native.milliseconds.toFixed(1)} ms natively; logits differ by ${difference.toExponential(1)}`);
  }));
}

test("without a network the page says so, and opens one from the disk", () => withPage(null, async (page) => {
  assert.match(await page.evaluate(text("#about")), /^No network is open\./);
  await page.choose(photo, () => page.click("label:has(#photo)"));
  await page.until(`${text("#error")} !== ""`);
  assert.equal(await page.evaluate(text("#error")), "Open a network file first.");
  const found = await classified(page, () => page.choose(networks[0], () => page.click("label:has(#network)")));
  assertSame(found, await expected(networks[0]));
  assert.equal(await page.evaluate(text("#error")), "");
}));

test("a photo may be dropped, or chosen with the keyboard", () => withPage(networks[0], async (page) => {
  const native = await expected(networks[0]);
  assertSame(await classified(page, () => page.drop("#drop", photo)), native);
  await page.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.id"), "photo");
  const outline = await page.evaluate(`getComputedStyle(document.activeElement.parentElement).outlineStyle`);
  assert.equal(outline, "solid", "what has the focus is marked");
  assertSame(await classified(page, () => page.choose(photo, () => page.press("Enter", "Enter", "\r"))), native);
}));

test("what is no photo and what is no network are named, and the page goes on", () => withPage(networks[0], async (page) => {
  const script = join(folder, "page.js");
  await page.choose(script, () => page.click("label:has(#photo)"));
  await page.until(`${text("#error")} !== ""`);
  await page.choose(script, () => page.click("label:has(#network)"));
  await page.until(`${text("#error")}.includes("the file")`);
  assertSame(await classified(page, () => page.drop("#drop", photo)), await expected(networks[0]));
  assert.equal(await page.evaluate(text("#error")), "");
}));

test("a screen reader finds names for everything, and the answer", () => withPage(networks[0], async (page) => {
  await classified(page, () => page.drop("#drop", photo));
  const { nodes } = await page.send("Accessibility.getFullAXTree");
  const named = nodes.filter(({ ignored }) => !ignored).map(({ role, name }) => `${role?.value}: ${name?.value ?? ""}`);
  const first = (await expected(networks[0])).predictions[0].name;
  for (const wanted of ["heading: What is in the photo?", "button: Choose a photo", "button: Open a network file", "heading: Likeliest classes", "list: ", `image: ${basename(photo)}`]) {
    assert.ok(named.includes(wanted), `${wanted} is not among\n${named.join("\n")}`);
  }
  assert.ok((await page.evaluate(text("#status"))).startsWith(`${first}, `), "the answer is announced");
}));

test("the page fits a phone and a wide screen, in light and in dark", () => withPage(networks[0], async (page) => {
  await mkdir(screenshots, { recursive: true });
  await classified(page, () => page.drop("#drop", photo));
  for (const [width, height, mobile] of [[360, 740, true], [1280, 800, false]]) {
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, mobile, deviceScaleFactor: 1 });
    await page.send("Emulation.setTouchEmulationEnabled", { enabled: mobile });
    for (const scheme of ["light", "dark"]) {
      await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(wide <= width, `${wide} pixels on a screen of ${width}`);
      assert.equal(await page.evaluate(`getComputedStyle(document.querySelector("#camera")).display !== "none"`), mobile, "a phone has a camera");
      await writeFile(join(screenshots, `${width}-${scheme}.png`), await page.screenshot());
    }
  }
}));
