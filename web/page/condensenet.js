// Runs a network in the browser: `const network = await Network.open("network.safetensors");`
// and then, as often as you like, `const { predictions } = await network.classify(photo);`

export class Network {
  #program;
  #file;
  #wasm;

  /**
   * Opens a network file: an address, or a File that the user chose.
   * `about` then has its name, classes, size in pixels, flops and provenance.
   */
  static async open(source, program = new URL("condensenet.wasm", import.meta.url)) {
    const network = new Network();
    [network.#program, network.#file] = await Promise.all([compiled(program), blob(source)]);
    await network.#start();
    return network;
  }

  /**
   * Says what a photo shows: a File, a Blob, or the address of one.
   * Returns `predictions`, the five likeliest classes, `logits`, and the `milliseconds` of `photo` (decoding, resizing)
   * and of `network`.
   */
  async classify(photo) {
    const file = await blob(photo);
    const start = performance.now();
    await this.#prepare(file);
    const prepared = performance.now();
    const answer = this.#answer("classify");
    answer.milliseconds = { photo: prepared - start, network: performance.now() - prepared };
    return answer;
  }

  /** The last photo as the network saw it, `[3, size, size]`. */
  get pixels() {
    const { size } = this.about;
    return new Float32Array(this.#wasm.memory.buffer, this.#call("prepared"), 3 * size * size).slice();
  }

  async #start() {
    const { exports } = await WebAssembly.instantiate(this.#program);
    this.#wasm = exports;
    this.#write(new Uint8Array(await this.#file.arrayBuffer()));
    this.about = this.#answer("open");
  }

  /** Our decoders first, so that pixels are those of every other machine; the browser knows formats that they don't. */
  async #prepare(file) {
    try {
      await this.#ready();
      this.#write(new Uint8Array(await file.arrayBuffer()));
      this.#answer("photo");
    } catch (refused) {
      const bitmap = await createImageBitmap(file).catch(() => { throw refused; });
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      context.drawImage(bitmap, 0, 0);
      await this.#ready();
      this.#write(context.getImageData(0, 0, bitmap.width, bitmap.height).data);
      this.#answer("pixels", bitmap.width, bitmap.height);
    }
  }

  /** Starts again after the program stopped. */
  async #ready() {
    if (!this.#wasm) await this.#start();
  }

  #write(bytes) {
    const address = this.#call("input", bytes.length);
    new Uint8Array(this.#wasm.memory.buffer).set(bytes, address);
  }

  #answer(name, ...values) {
    const good = this.#call(name, ...values);
    const answer = new Uint8Array(this.#wasm.memory.buffer, this.#call("answer"), this.#call("answer_length"));
    const { error, ...found } = JSON.parse(new TextDecoder().decode(answer)) ?? {};
    if (!good) throw new Error(error);
    return found;
  }

  #call(name, ...values) {
    try {
      return this.#wasm[`condensenet_${name}`](...values);
    } catch (trap) {
      this.#wasm = null; // its state is unknown now
      throw new Error(`The program stopped (${trap.message}).`);
    }
  }
}

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw Object.assign(new Error(`${address}: ${response.status} ${response.statusText}`), { status: response.status });
  return response;
}

async function blob(source) {
  return source instanceof Blob ? source : (await fetched(source)).blob();
}

async function compiled(program) {
  return WebAssembly.compile(await (await fetched(program)).arrayBuffer());
}
