#!/usr/bin/env python3
"""Opens what the library exports where it is meant to be opened: in Python.

The example `export_onnx` writes each network of the table below. Of each

- the ONNX model passes onnx's checker with full shape inference, and onnxruntime computes the logits that the library
  computes: at batch 1 and 5, and at an odd size of image where sizes are open;
- the network file opens with `safetensors`, every tensor is bit for bit what Rust holds in memory (the bytes are
  written a second time, without the format), and the metadata holds the configuration as JSON;
- the same file opens with PyTorch, if it is installed: no part of the rest needs it.

Needs `pip install -r tests/python/requirements.txt` and a Rust toolchain. Exits with 0 if everything agrees, with 1 if
anything does not. What could not be checked is said in capitals.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
    from safetensors import safe_open
except ImportError as error:
    sys.exit(f"!!! NOT CHECKED: {error}; pip install -r tests/python/requirements.txt")

try:
    import torch
    from safetensors.torch import load_file as load_torch
except ImportError:
    torch = None

ROOT = Path(__file__).resolve().parents[2]

# Logits, absolute; they reach about 5.
TOLERANCE = 1e-4

# Name of the files, arguments of the example.
NETWORKS = [
    ("cifar_86-training", ["cifar_86", "--form", "training"]),
    ("cifar_86-converted", ["cifar_86"]),
    ("cifar_86-half-fixed", ["cifar_86", "--classifier-kept", "0.5", "--fixed-size"]),
    ("imagenet_74_c4-half", ["imagenet_74_c4", "--classifier-kept", "0.5"]),
    ("imagenet_74_c8-converted", ["imagenet_74_c8"]),
    ("imagenet_v2_a-training", ["imagenet_v2_a", "--form", "training"]),
    ("imagenet_v2_a-converted", ["imagenet_v2_a"]),
    ("imagenet_v2_b-converted", ["imagenet_v2_b"]),
    ("imagenet_v2_c-converted", ["imagenet_v2_c"]),
    ("cifar_v2_104-converted", ["cifar_v2_104"]),
    ("cifar_light_94-training", ["cifar_light_94", "--form", "training"]),
    ("cifar_light_94-converted", ["cifar_light_94"]),
    ("cifar_densenet_100", ["cifar_densenet_100"]),
    ("imagenet_densenet_121", ["imagenet_densenet_121"]),
]

# What an ONNX model and a network file both say about a network.
METADATA = ["class_names", "config", "form", "library_version", "normalization", "provenance"]


class Failures(list):
    def expect(self, truth, text):
        if not truth:
            self.append(text)
            print(f"  FAILED: {text}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--exporter", type=Path, help="the compiled example, if it need not be built")
    arguments.add_argument("--keep", type=Path, metavar="DIR", help="leave the files there")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--only", metavar="TEXT", default="", help="only networks with this in their name")
    options = arguments.parse_args()

    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}", end="")
    print(f", torch {torch.__version__}" if torch else "")
    if torch is None:
        print("!!! SKIPPED: torch is not installed; network files were NOT opened with PyTorch", file=sys.stderr)
    exporter = (options.exporter or build()).resolve()
    networks = [row for row in NETWORKS if options.only in row[0]]
    if not networks:
        sys.exit(f"no network is named {options.only!r}")

    failures = Failures()
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        for name, example_arguments in networks:
            print(name)
            path = directory / name
            command = [exporter, *example_arguments, "--seed", str(options.seed), "--output", path]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found = Failures()
            check_onnx(path, found)
            check_network_file(path, found)
            failures += [f"{name}: {text}" for text in found]

    if failures:
        sys.exit("\n".join(["", *failures]))
    print(f"{len(networks)} networks agree within {TOLERANCE}")


def build():
    """Builds the example with the features that the workspace's tests have; returns its path."""
    command = ["cargo", "build", "--workspace", "--example", "export_onnx", "--message-format=json-render-diagnostics"]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    for message in messages:
        if message.get("executable") and message["target"]["name"] == "export_onnx":
            return Path(message["executable"])
    sys.exit("cargo built no example export_onnx")


def with_extension(path, extension):
    return path.with_name(f"{path.name}.{extension}")


def check_onnx(path, failures):
    file = with_extension(path, "onnx")
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in inferred.graph.value_info}
    nodes = {output for node in model.graph.node for output in node.output} - {"logits"}
    failures.expect(nodes == set(ranks) and all(ranks.values()), "shape inference leaves tensors without a shape")

    metadata = {entry.key: entry.value for entry in model.metadata_props}
    metadata = json.loads(metadata["condensenet"])
    for key in METADATA:
        failures.expect(key in metadata, f"no `{key}` in the ONNX metadata")

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    with safe_open(with_extension(path, "io.safetensors"), "numpy") as probes:
        probes = {key: probes.get_tensor(key) for key in probes.keys()}
    names = sorted({key.split(".")[0] for key in probes})
    failures.expect({"batch_1", "batch_5"} <= set(names), f"no probes of batch 1 and 5 among {names}")
    for name in names:
        images, expected = probes[f"{name}.input"], probes[f"{name}.logits"]
        (logits,) = session.run(["logits"], {"input": images})
        failures.expect(logits.shape == expected.shape, f"{name}: {logits.shape} instead of {expected.shape}")
        deviation = float(np.abs(logits - expected).max())
        print(f"  {name:9} {'x'.join(map(str, images.shape)):13} deviation {deviation:.1e}", end="")
        print(f", logits up to {np.abs(expected).max():.1f}")
        failures.expect(deviation <= TOLERANCE, f"{name}: logits deviate by {deviation}")
        # Images that all give the same logits would show nothing.
        if len(expected) > 1:
            spread = float(expected.std(axis=0).mean())
            failures.expect(spread > 100 * TOLERANCE, f"{name}: logits differ by {spread} only from image to image")


def check_network_file(path, failures):
    file = with_extension(path, "safetensors")
    held = with_extension(path, "raw").read_bytes()
    entries = json.loads(with_extension(path, "raw.json").read_text())
    with safe_open(file, "numpy") as opened:
        metadata = json.loads(opened.metadata()["condensenet"])
        tensors = {key: opened.get_tensor(key) for key in opened.keys()}
    keys = {entry["key"] for entry in entries}
    failures.expect(set(tensors) == keys, f"keys differ: {sorted(set(tensors) ^ keys)}")
    others = {"numpy": lambda key: tensors[key]}
    if torch:
        in_torch = load_torch(file)
        failures.expect(set(in_torch) == keys, "PyTorch finds other keys")
        others["PyTorch"] = lambda key: in_torch[key].numpy()
    end = 0
    for entry in entries:
        key, shape, start = entry["key"], entry["shape"], entry["start"]
        size = int(np.prod(shape)) * np.dtype(entry["element"]).itemsize
        failures.expect(start == end, f"{key} starts at {start}, not {end}")
        end = start + size
        for reader, tensor in others.items():
            tensor = np.ascontiguousarray(tensor(key))
            failures.expect(
                list(tensor.shape) == shape and tensor.dtype == entry["element"],
                f"{key} in {reader} is {tensor.dtype} {tensor.shape}, not {entry['element']} {shape}",
            )
            failures.expect(tensor.tobytes() == held[start:end], f"{key} in {reader} has other bits than in Rust")
    failures.expect(end == len(held), f"{len(held) - end} bytes belong to no tensor")

    classes = metadata["config"]["num_classes"]
    failures.expect(classes == len(metadata["class_names"]), "classes and names differ")
    model = onnx.load(with_extension(path, "onnx"), load_external_data=False)
    in_model = {entry.key: entry.value for entry in model.metadata_props}
    in_model = json.loads(in_model["condensenet"])
    for key in METADATA:
        failures.expect(metadata.get(key) == in_model.get(key), f"`{key}` differs between the file and the ONNX model")
    print(f"  {len(entries)} tensors of {len(held)} bytes, equal in {' and '.join(others)}")


if __name__ == "__main__":
    main()
