#!/usr/bin/env python3
"""Times training steps of a CIFAR CondenseNet in PyTorch and in this library, by turns.

    cargo bench --bench training_step --no-run        # prints the path of the program
    python benches/peers/training_step.py PROGRAM [--model cifar_86] [--batch-size 64] [--threads 2] [--rounds 5]

The PyTorch network is the training form with dense, masked 1x1 convolutions, as the original code trains it. Each round times
some steps of both, in a new order; reported are the medians of the rounds, the median of the rounds' ratios, and the peak
memory of each process. Needs: torch.
"""
import argparse, json, os, random, resource, statistics, subprocess, sys, time

MODELS = {"cifar_50": 8, "cifar_74": 12, "cifar_86": 14, "cifar_98": 16, "cifar_110": 18, "cifar_122": 20}


def worker(layers, batch_size, threads, steps):
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    groups = condensation_factor = 4

    class Learned(nn.Module):
        def __init__(self, channels_in, channels_out):
            super().__init__()
            self.norm = nn.BatchNorm2d(channels_in)
            self.conv = nn.Conv2d(channels_in, channels_out, 1, bias=False)
            self.register_buffer("mask", torch.ones_like(self.conv.weight))

        def forward(self, x):
            return nn.functional.conv2d(torch.relu_(self.norm(x)), self.conv.weight * self.mask)

    class Layer(nn.Module):
        def __init__(self, channels_in, growth):
            super().__init__()
            self.learned = Learned(channels_in, 4 * growth)
            self.norm = nn.BatchNorm2d(4 * growth)
            self.conv = nn.Conv2d(4 * growth, growth, 3, padding=1, groups=groups, bias=False)

        def forward(self, x):
            return torch.cat([x, self.conv(torch.relu_(self.norm(self.learned(x))))], 1)

    channels, modules = 16, [nn.Conv2d(3, 16, 3, padding=1, bias=False)]
    for block, growth in enumerate([8, 16, 32]):
        if block:
            modules.append(nn.AvgPool2d(2))
        for _ in range(layers):
            modules.append(Layer(channels, growth))
            channels += growth
    modules += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    model = nn.Sequential(*modules).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    x, y = torch.randn(batch_size, 3, 32, 32), torch.arange(batch_size) % 10

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds_per_step": statistics.median(times), "peak_memory_mb": peak}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", default="cifar_86", choices=MODELS)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--worker", action="store_true")
    a = parser.parse_args()
    if a.worker:
        return worker(MODELS[a.model], a.batch_size, a.threads, a.steps)
    env = dict(os.environ, OMP_NUM_THREADS=str(a.threads), RAYON_NUM_THREADS=str(a.threads), BURN_DEVICE="flex")
    command = [sys.executable, __file__, a.program, "--model", a.model, "--batch-size", str(a.batch_size), "--threads", str(a.threads), "--steps", str(a.steps), "--worker"]
    peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    assert peer.stdout.readline().strip() == "ready"

    def pytorch():
        peer.stdin.write("go\n"); peer.stdin.flush()
        return json.loads(peer.stdout.readline())

    def ours():
        out = subprocess.run([a.program, "--model", a.model, "--batch-size", str(a.batch_size), "--steps", str(a.steps)], stdout=subprocess.PIPE, text=True, env=env, check=True)
        return json.loads(out.stdout.strip().splitlines()[-1])

    rounds = []
    for _ in range(a.rounds):
        contenders = {"pytorch": pytorch, "ours": ours}
        rounds.append({name: contenders[name]() for name in random.sample(list(contenders), 2)})
    result = {"model": a.model, "batch_size": a.batch_size, "threads": a.threads, "rounds": a.rounds}
    for name in ("pytorch", "ours"):
        result[name] = {
            "seconds_per_step": round(statistics.median(r[name]["seconds_per_step"] for r in rounds), 3),
            "peak_memory_mb": round(max(r[name]["peak_memory_mb"] for r in rounds)),
        }
    ratios = [r["pytorch"]["seconds_per_step"] / r["ours"]["seconds_per_step"] for r in rounds]
    result["pytorch_over_ours"] = round(statistics.median(ratios), 2)
    print(json.dumps(result))
    peer.stdin.close(); peer.wait()


if __name__ == "__main__":
    main()
