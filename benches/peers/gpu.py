#!/usr/bin/env python3
"""Times CondenseNets on a GPU in PyTorch, eager and compiled, and in this library, alternating between them.

    cargo bench --bench on_request --features cuda --no-run        # prints the path of a program
    python benches/peers/gpu.py --program PROGRAM --device cuda

Training steps at batches of 64 and 256, and the forward pass of both forms at 1 and 128, in 32-bit floats; each side keeps its
default precision for matrix products. Every contender is a process that compiles, warms up, and then times its case on request.
Each round asks all contenders of a case in random order; reported are the medians over the rounds in milliseconds. The device
is synchronized after every call. A contender that fails to start is reported as a dash.

`--device` names this library's backend (cuda, rocm, vulkan, wgpu); PyTorch uses the GPU it finds, or the CPU with
`--peer-device cpu`, to try this script on a machine without a GPU. `--together` prepares all cases at the same time if memory
allows, because PyTorch compiles for minutes. Needs: torch.
"""
import argparse, json, os, random, select, statistics, subprocess, sys, time

CASES = [
    {"model": model, "form": "step", "batch": batch} for model in ("cifar_86", "cifar_182") for batch in (64, 256)
] + [
    {"model": "imagenet_74_c4", "form": form, "batch": batch} for batch in (1, 128) for form in ("training", "converted")
]
PEERS = ("pytorch eager", "pytorch compiled")
FORMS = {"step": "a training step", "training": "training form", "converted": "converted form"}


def worker(case, peer, device, seconds):
    import torch
    from condensenet import PRESETS, condensenet, training_step

    torch.manual_seed(0)
    trains, batch = case["form"] == "step", case["batch"]
    form = "converted" if case["form"] == "converted" else "training"
    model = condensenet(case["model"], form, condensed=not trains).to(device)
    model.train(trains)
    shape = PRESETS[case["model"]]
    images = torch.randn(batch, 3, shape.side, shape.side, device=device)
    runs = torch.compile(model) if peer == "pytorch compiled" else model
    if trains:
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


class Contender:
    """A process that times a case on request."""

    def __init__(self, case, name, a):
        self.name, self.start = name, time.perf_counter()
        env = dict(os.environ)
        if name == "here":
            env["BURN_DEVICE"] = a.device
            command = [a.program, "--model", case["model"], "--form", case["form"], "--batch-size", str(case["batch"])]
        else:
            command = [sys.executable, __file__, "--worker", json.dumps(case), name, "--peer-device", a.peer_device]
        command += ["--seconds", str(a.seconds)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def is_ready(self, deadline):
        """Waits until it has warmed up."""
        readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.perf_counter()))
        if readable and self.process.stdout.readline().strip() == "ready":
            print(f"{self.name}: ready after {time.perf_counter() - self.start:.0f} s", file=sys.stderr)
            return True
        print(f"{self.name}: did not start", file=sys.stderr)
        self.process.kill()
        return False

    def milliseconds(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline() or "nan")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def race(case, contenders, a):
    deadline = time.perf_counter() + a.patience
    contenders = [contender for contender in contenders if contender.is_ready(deadline)]
    rounds = []
    for _ in range(a.rounds):
        order = random.sample(contenders, len(contenders))
        rounds.append({contender.name: contender.milliseconds() for contender in order})
    for contender in contenders:
        contender.end()
    result = dict(case, rounds=a.rounds)
    names = [contender.name for contender in contenders]
    for name in names:
        result[name] = round(statistics.median(r[name] for r in rounds), 3)
    for name in PEERS:
        if name in names and "here" in names:
            result[f"{name} over here"] = round(statistics.median(r[name] / r["here"] for r in rounds), 2)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", help="the benchmark `on_request`")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--peer-device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="minimum time per request")
    parser.add_argument("--patience", type=float, default=600, help="longest wait for compilation, in seconds")
    parser.add_argument("--only", default="", help="cases whose description contains one of these, such as `cifar_86,imagenet`")
    parser.add_argument("--without", default="", help="a contender to leave out, such as `pytorch compiled`")
    parser.add_argument("--together", action="store_true", help="prepare all cases at the same time")
    parser.add_argument("--worker", nargs=2, metavar=("CASE", "PEER"), help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.worker:
        return worker(json.loads(a.worker[0]), a.worker[1], a.peer_device, a.seconds)
    if not a.program:
        parser.error("--program is needed")
    names = [name for name in (*PEERS, "here") if name != a.without]
    cases = [case for case in CASES if any(part in json.dumps(case) for part in a.only.split(","))]
    start = lambda case: [Contender(case, name, a) for name in names]
    started = [start(case) for case in cases] if a.together else []
    results = []
    for number, case in enumerate(cases):
        results.append(race(case, started[number] if a.together else start(case), a))
        print(json.dumps(results[-1]), flush=True)
    print("\n| | batch | PyTorch eager | compiled | here | eager / here | compiled / here |\n|---|---|---|---|---|---|---|")
    for r in results:
        times = [f"{r[name]:.2f} ms" if name in r else "-" for name in (*PEERS, "here")]
        ratios = [str(r.get(f"{name} over here", "-")) for name in PEERS]
        print(f"| {r['model']}, {FORMS[r['form']]} | {r['batch']} | " + " | ".join(times + ratios) + " |")


if __name__ == "__main__":
    main()
