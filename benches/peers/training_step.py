#!/usr/bin/env python3
"""Times training steps of a CIFAR CondenseNet in PyTorch and in this library, by turns, on the CPU.

    cargo bench --bench training_step --no-run        # prints the path of the program
    python benches/peers/training_step.py PROGRAM [--model cifar_86] [--batch-size 64] [--threads 2] [--rounds 5]

`--condensed` masks three quarters of each 1x1 convolution in both, as in the second half of a run; `--compile` has PyTorch compile
its step. Each round times some steps of both, in a new order; reported are the medians of the rounds in wall time and CPU time of all
threads, the median of the rounds' ratios, and the peak memory of each process. Needs: torch. `gpu.py` does the same on a GPU.
"""
import argparse, json, os, random, resource, statistics, subprocess, sys, time


def worker(model, batch_size, threads, steps, condensed, compiled):
    import torch
    from condensenet import PRESETS, condensenet, training_step

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    shape = PRESETS[model]
    images = torch.randn(batch_size, 3, shape.side, shape.side)
    network = condensenet(model, condensed=condensed).train()
    step = training_step(torch.compile(network) if compiled else network, images, torch.arange(batch_size) % shape.classes)

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        times, cpu_times = [], []
        for _ in range(steps):
            start, cpu_start = time.perf_counter(), time.process_time()
            step()
            times.append(time.perf_counter() - start)
            cpu_times.append(time.process_time() - cpu_start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        result = {"seconds_per_step": statistics.median(times), "cpu_seconds_per_step": statistics.median(cpu_times), "peak_memory_mb": peak}
        print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="cifar_86")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--condensed", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--worker", action="store_true")
    a = parser.parse_args()
    if a.worker:
        return worker(a.model, a.batch_size, a.threads, a.steps, a.condensed, a.compile)
    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), RAYON_NUM_THREADS=str(a.threads), BURN_DEVICE="flex")
    command = [sys.executable, __file__, a.program, "--model", a.model, "--batch-size", str(a.batch_size), "--threads", str(a.threads), "--steps", str(a.steps), "--worker"]
    command += ["--condensed"] * a.condensed + ["--compile"] * a.compile
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    if peer.stdout.readline().strip() != "ready":
        sys.exit("the PyTorch process did not start")

    def pytorch():
        peer.stdin.write("go\n"); peer.stdin.flush()
        return json.loads(peer.stdout.readline())

    def ours():
        command = [a.program, "--model", a.model, "--batch-size", str(a.batch_size), "--steps", str(a.steps)] + ["--condensed"] * a.condensed
        out = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=env, check=True)
        return json.loads(out.stdout.strip().splitlines()[-1])

    rounds = []
    for _ in range(a.rounds):
        contenders = {"pytorch": pytorch, "ours": ours}
        rounds.append({name: contenders[name]() for name in random.sample(list(contenders), 2)})
    result = {"model": a.model, "condensed": a.condensed, "compiled": a.compile, "batch_size": a.batch_size, "threads": a.threads, "rounds": a.rounds}
    for name in ("pytorch", "ours"):
        result[name] = {
            "seconds_per_step": round(statistics.median(r[name]["seconds_per_step"] for r in rounds), 3),
            "cpu_seconds_per_step": round(statistics.median(r[name]["cpu_seconds_per_step"] for r in rounds), 3),
            "peak_memory_mb": round(max(r[name]["peak_memory_mb"] for r in rounds)),
        }
    for name, key in (("pytorch_over_ours", "seconds_per_step"), ("pytorch_over_ours_cpu", "cpu_seconds_per_step")):
        result[name] = round(statistics.median(r["pytorch"][key] / r["ours"][key] for r in rounds), 2)
    print(json.dumps(result))
    peer.stdin.close(); peer.wait()


if __name__ == "__main__":
    main()
