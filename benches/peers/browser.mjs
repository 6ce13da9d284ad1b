// The page's program beside onnxruntime-web (WebAssembly, SIMD, one thread) in the same headless Chromium, on the same photo.
//
//     npm install onnxruntime-web
//     web/test                                  # makes target/web and the networks
//     condensenet export target/web-test/cifar_50.safetensors -o cifar_50.onnx
//     node benches/peers/browser.mjs PHOTO node_modules/onnxruntime-web/dist cifar_50.safetensors cifar_50.onnx
import { resolve } from "node:path";
import { launch, serve } from "../../web/browser.mjs";

const [photo, peer, network, onnx] = process.argv.slice(2).map((path) => resolve(path));
const folder = new URL("../../target/web", import.meta.url).pathname;
const files = { "/photo": photo, "/network.safetensors": network, "/network.onnx": onnx, "/empty": new URL(import.meta.url).pathname };
for (const name of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) files[`/ort/${name}`] = `${peer}/${name}`;

const server = await serve(folder, files);
const page = await launch();
try {
  await page.open(`${server.address}empty`); // none of the page's own rules on what may be loaded
  const found = await page.evaluate(`(async () => {
    const { Network } = await import("/condensenet.js");
    const ort = await import("/ort/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = "/ort/";
    const ours = await Network.open("/network.safetensors");
    const theirs = await ort.InferenceSession.create("/network.onnx", { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
    const answer = await ours.classify("/photo");
    const { size } = ours.about;
    const image = new ort.Tensor("float32", ours.pixels, [1, 3, size, size]);
    const run = async () => Object.values(await theirs.run({ [theirs.inputNames[0]]: image }))[0].data;
    const logits = await run();
    const difference = Math.max(...answer.logits.map((logit, place) => Math.abs(logit - logits[place])));
    const median = (times) => times.sort((one, other) => one - other)[times.length >> 1];
    // By turns, in blocks of calls, so that what else the machine does hits both.
    const CALLS = 10;
    const timed = async (call) => {
      let sum = 0;
      for (let done = 0; done < CALLS; done++) sum += await call();
      return sum / CALLS;
    };
    const classified = async () => (await ours.classify("/photo")).milliseconds.network;
    const ran = async () => {
      const start = performance.now();
      await run();
      return performance.now() - start;
    };
    const rounds = [];
    for (let round = 0; round < 15; round++) {
      rounds.push([await timed(classified), await timed(ran)]);
    }
    return {
      network: ours.about.name,
      difference,
      ours: median(rounds.map(([ours]) => ours)),
      theirs: median(rounds.map(([, theirs]) => theirs)),
      factor: median(rounds.map(([ours, theirs]) => theirs / ours)),
      factors: rounds.map(([ours, theirs]) => theirs / ours).sort((one, other) => one - other),
    };
  })()`);
  console.log(JSON.stringify(found));
} finally {
  await page.close();
  server.close();
}
