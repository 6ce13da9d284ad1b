#!/usr/bin/env python3
"""Times and compares what becomes of photos before a network sees them: torchvision's way, and this library's.

    cargo bench --bench photo_loading --no-run        # prints the path of the program
    python benches/peers/photo_loading.py PROGRAM --photos DIR [--rounds 7] [--compare-only]

Timed are decode, random resized crop to 224, flip, tensor and normalize, on one thread each: torchvision on Pillow images;
torchvision on tensors that libjpeg-turbo decodes, where `simplejpeg` is installed; and this library. Each round times all, in
a new order; reported are the medians, and the median of the rounds' ratios. Compared are, for every photo, the center of
torchvision's Resize(256) and CenterCrop(224), and a box cut and resized, in steps of 255. Needs: torch, torchvision, Pillow.
"""
import argparse, io, json, pathlib, random, statistics, subprocess, tempfile, time

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def contenders(program, photos):
    import torch
    from PIL import Image
    from torchvision import transforms as T

    torch.set_num_threads(1)
    paths = [path for path in sorted(photos.iterdir()) if path.is_file()]
    usual = [T.RandomResizedCrop(224), T.RandomHorizontalFlip()]
    of_pillow = T.Compose([*usual, T.ToTensor(), T.Normalize(MEAN, DEVIATION)])

    def rate(load):
        start = time.perf_counter()
        for path in paths:
            load(path)
        return len(paths) / (time.perf_counter() - start)

    found = {
        "torchvision_pillow": lambda: rate(lambda path: of_pillow(Image.open(path).convert("RGB"))),
        "ours": lambda: json.loads(
            subprocess.run(
                [program, "--photos", photos, "--rounds", "1", "--epochs", "0"], stdout=subprocess.PIPE, text=True, check=True
            ).stdout.splitlines()[-1]
        )["images_per_second_per_core"],
    }
    try:
        import simplejpeg

        of_tensor = T.Compose([T.RandomResizedCrop(224, antialias=True), T.RandomHorizontalFlip(), T.ConvertImageDtype(torch.float), T.Normalize(MEAN, DEVIATION)])
        found["torchvision_libjpeg_turbo"] = lambda: rate(
            lambda path: of_tensor(torch.from_numpy(simplejpeg.decode_jpeg(path.read_bytes(), colorspace="RGB")).permute(2, 0, 1))
        )
        found["libjpeg_turbo_decode_alone"] = lambda: rate(lambda path: simplejpeg.decode_jpeg(path.read_bytes(), colorspace="RGB"))
    except ImportError:
        print("simplejpeg is not installed: libjpeg-turbo without Pillow is not timed")
    return found


def compare(program, photos):
    import numpy as np
    from PIL import Image, ImageOps
    from torchvision.transforms import functional as F

    result = {}
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([program, "--photos", photos, "--write", directory], check=True)
        for path in sorted(photos.iterdir()):
            image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            width, height = image.size
            box = F.resized_crop(image, height // 7, width // 5, height * 2 // 3, width // 2, [224, 224], antialias=True)
            expected = {"center": F.center_crop(F.resize(image, 256, antialias=True), 224), "box": box}
            for kind, expected in expected.items():
                ours = np.asarray(Image.open(pathlib.Path(directory) / f"{path.name}.{kind}.ppm")).astype(int)
                difference = np.abs(ours - np.asarray(expected).astype(int))
                mean, worst = result.get(kind, (0.0, 0))
                result[kind] = max(mean, float(difference.mean())), max(worst, int(difference.max()))
    return {kind: {"largest_mean": round(mean, 4), "worst": worst} for kind, (mean, worst) in result.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--photos", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compare-only", action="store_true")
    a = parser.parse_args()
    print(json.dumps({"differences_in_steps_of_255": compare(a.program, a.photos)}))
    if a.compare_only:
        return
    found = contenders(a.program, a.photos)
    rounds = [{name: found[name]() for name in random.sample(list(found), len(found))} for _ in range(a.rounds)]
    result = {"rounds": a.rounds}
    for name in found:
        result[name] = round(statistics.median(r[name] for r in rounds), 1)
        if name != "ours":
            ratios = [r["ours"] / r[name] for r in rounds]
            result[f"ours_over_{name}"] = {"median": round(statistics.median(ratios), 2), "least": round(min(ratios), 2), "most": round(max(ratios), 2)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
