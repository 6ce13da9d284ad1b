#!/usr/bin/env python3
"""Times CondenseNets on a GPU in PyTorch, eager and compiled, and in this library, by turns.

    cargo build --release --workspace --features cuda --bin condensenet
    cargo bench --bench training_step --features cuda --no-run        # prints the path of a program
    python benches/peers/gpu.py --condensenet target/release/condensenet --training-step PROGRAM --device cuda

Training steps at batches of 64 and 256, and the forward pass of both forms at 1 and 128, in 32-bit floats. In each round every
contender of a case has its turn, in a new order; reported are the medians of the rounds in milliseconds. What each computes is
waited for. `--device` names this library's backend (cuda, rocm, vulkan, wgpu); PyTorch takes the GPU that it finds, or the CPU with
`--peer-device cpu`, which tries this script out on a machine without one. Needs: torch.
"""
import argparse, json, os, random, statistics, subprocess, sys, time

CASES = [
    {"kind": "training step", "model": model, "form": "training", "batch": batch}
    for model in ("cifar_86", "cifar_182")
    for batch in (64, 256)
] + [
    {"kind": "forward", "model": "imagenet_74_c4", "form": form, "batch": batch}
    for batch in (1, 128)
    for form in ("training", "converted")
]
PEERS = ("pytorch eager", "pytorch compiled")


def worker(case, peer, device, seconds):
    import torch
    from condensenet import PRESETS, condensenet, training_step

    torch.manual_seed(0)
    shape, batch = PRESETS[case["model"]], case["batch"]
    model = condensenet(case["model"], case["form"], condensed=case["kind"] == "forward").to(device)
    model.train(case["kind"] == "training step")
    images = torch.randn(batch, 3, shape.side, shape.side, device=device)
    runs = torch.compile(model) if peer == "pytorch compiled" else model
    if case["kind"] == "training step":
        call = training_step(runs, images, torch.arange(batch, device=device) % shape.classes)
    else:
        def call():
            with torch.inference_mode():
                runs(images)

    def timed():
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    for _ in range(5):
        timed()
    print("ready", flush=True)
    for _ in sys.stdin:
        times, start = [], time.perf_counter()
        while len(times) < 3 or time.perf_counter() - start < seconds:
            times.append(timed())
        print(1e3 * statistics.median(times), flush=True)


class Peer:
    """A PyTorch process that times a case each time it is asked to."""

    def __init__(self, case, peer, a):
        command = [sys.executable, __file__, "--worker", json.dumps(case), peer, "--peer-device", a.peer_device, "--seconds", str(a.seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"{peer} did not start: {case}")

    def milliseconds(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def ours(case, a):
    """Times this library once; its choices of kernels are kept on disk between the calls."""
    env, batch = dict(os.environ, BURN_DEVICE=a.device), str(case["batch"])
    if case["kind"] == "training step":
        command = [a.training_step, "--model", case["model"], "--batch-size", batch, "--steps", str(a.steps)]
    else:
        form = {"training": "training", "converted": "forward"}[case["form"]]
        command = [a.condensenet, "bench", case["model"], "--form", form, "--batch", batch, "--device", a.device, "--seconds", str(a.seconds), "--json"]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env, check=True).stdout
    result = json.loads(out.strip().splitlines()[-1])
    if case["kind"] == "training step":
        return 1e3 * result["seconds_per_step"]
    return result["ms_per_image"] * case["batch"]


def race(case, a):
    peers = {name: Peer(case, name, a) for name in PEERS}
    contenders = {name: peer.milliseconds for name, peer in peers.items()} | {"ours": lambda: ours(case, a)}
    ours(case, a)  # compiles and chooses kernels
    rounds = []
    for _ in range(a.rounds):
        order = random.sample(list(contenders), len(contenders))
        rounds.append({name: contenders[name]() for name in order})
    for peer in peers.values():
        peer.end()
    result = dict(case, rounds=a.rounds)
    for name in contenders:
        result[name] = round(statistics.median(r[name] for r in rounds), 3)
    for name in PEERS:
        result[f"{name} over ours"] = round(statistics.median(r[name] / r["ours"] for r in rounds), 2)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--condensenet", help="the program `condensenet`")
    parser.add_argument("--training-step", help="the benchmark `training_step`")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peer-device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="training steps of this library a round")
    parser.add_argument("--seconds", type=float, default=2.0, help="least time of every other measurement")
    parser.add_argument("--only", default="", help="cases whose description contains this, such as `cifar_86`")
    parser.add_argument("--worker", nargs=2, metavar=("CASE", "PEER"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.worker:
        return worker(json.loads(a.worker[0]), a.worker[1], a.peer_device, a.seconds)
    if not (a.condensenet and a.training_step):
        parser.error("--condensenet and --training-step are needed")
    results = []
    for case in CASES:
        if a.only not in json.dumps(case):
            continue
        results.append(race(case, a))
        print(json.dumps(results[-1]), flush=True)
    print("\n| | batch | PyTorch eager | compiled | here | eager / here | compiled / here |\n|---|---|---|---|---|---|---|")
    for r in results:
        name = r["model"] + (", a training step" if r["kind"] == "training step" else f", {r['form']} form")
        times = [f"{r[c]:.2f} ms" for c in (*PEERS, "ours")]
        print(f"| {name} | {r['batch']} | " + " | ".join(times) + f" | {r['pytorch eager over ours']} | {r['pytorch compiled over ours']} |")


if __name__ == "__main__":
    main()
