// Drives a headless Chromium over a pipe, and serves a folder to it. Node and Chromium are all that it needs.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** Serves `files`, from address to path, and everything in `folder`. Returns the address and the way to stop. */
export async function serve(folder, files = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const path = files[pathname] ?? join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
    try {
      const content = await readFile(path);
      // Isolated, a page gets the time in steps of microseconds.
      response.writeHead(200, { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp", "content-type": TYPES[extname(pathname === "/" ? path : pathname)] ?? "application/octet-stream" });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Starts the browser with one empty page. */
export async function launch(program = process.env.CHROMIUM ?? "chromium") {
  const profile = await mkdtemp(join(tmpdir(), "condensenet-web-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", `--user-data-dir=${profile}`];
  const chromium = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => chromium.on("exit", resolve).on("error", resolve));
  const [, , , input, output] = chromium.stdio;
  const waiting = new Map();
  const listeners = [];
  let number = 0;
  let rest = "";
  output.on("data", (data) => {
    const messages = (rest + data).split("\0");
    rest = messages.pop();
    for (const { id, result, error, method, params } of messages.map((message) => JSON.parse(message))) {
      if (id) {
        const { resolve, reject } = waiting.get(id);
        waiting.delete(id);
        error ? reject(new Error(error.message)) : resolve(result);
      } else {
        listeners.forEach((listener) => listener(method, params));
      }
    }
  });
  ended.then((why) => waiting.forEach(({ reject }) => reject(new Error(`${program} ended: ${why}`))));
  input.on("error", () => {}); // the browser is gone, as `ended` says
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    waiting.set(++number, { resolve, reject });
    input.write(`${JSON.stringify({ id: number, method, params, sessionId })}\0`);
  });
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const close = async () => {
    await send("Browser.close").catch(() => {});
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return new Page((method, params) => send(method, params, sessionId), listeners, close);
}

class Page {
  constructor(send, listeners, close) {
    Object.assign(this, { send, close });
    this.on = (method, listener) => listeners.push((found, params) => found === method && listener(params));
  }

  next(method, seconds = 60) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`not within ${seconds} s: ${method}`)), 1000 * seconds);
      this.on(method, (params) => resolve(params, clearTimeout(late)));
    });
  }

  /** Opens an address and waits until it is loaded. */
  async open(address) {
    await this.send("Page.enable");
    const loaded = this.next("Page.loadEventFired");
    await this.send("Page.navigate", { url: address });
    await loaded;
  }

  /** The value of an expression, awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, seconds = 60) {
    const end = Date.now() + 1000 * seconds;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Clicks into the middle of an element, as a mouse does. */
  async click(selector) {
    await this.until(`[...document.images].every((image) => image.hidden || image.complete)`); // or what is clicked on would move
    const [x, y] = await this.evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center", behavior: "instant" });
      const { left, top, width, height } = element.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  async press(key, code = key, text = undefined) {
    const windowsVirtualKeyCode = { Tab: 9, Enter: 13 }[key];
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, code, text, windowsVirtualKeyCode });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, code, windowsVirtualKeyCode });
  }

  /** Answers the file chooser that `open` opens. */
  async choose(path, open) {
    await this.send("Page.setInterceptFileChooserDialog", { enabled: true });
    const opened = this.next("Page.fileChooserOpened");
    await open();
    const { backendNodeId } = await opened;
    await this.send("DOM.setFileInputFiles", { files: [path], backendNodeId });
  }

  /** Drops a file in the middle of an element. */
  async drop(selector, path) {
    const [x, y] = await this.evaluate(`(() => {
      const { left, top, width, height } = document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.send("Input.dispatchDragEvent", { type, x, y, data: { items: [], files: [path], dragOperationsMask: 1 } });
    }
  }

  async screenshot() {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }
}
