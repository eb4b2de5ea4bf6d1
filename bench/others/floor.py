"""The least that a training takes: each photo decoded once, as coarsely as will do, and the bare steps.

    python floor.py PICTURES TABLE WEIGHTS SIZE EPOCHS BATCH THREADS PRECISION

TABLE is a csv with columns path, label, split (train, valid, test). One epoch of the head and EPOCHS of the whole
network: no augmentation, no validation, no file written. Prints the seconds of both, without what imports take.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch
from PIL import Image
from torch import nn

CLEAN = 320  # pixels of a copy's longest side, as `clean` makes it


def main() -> None:
    """Decode, train, and say how long each took."""
    folder, table, weights, size, epochs, batch, threads, precision = sys.argv[1:]
    torch.set_num_threads(int(threads))
    pictures = pd.read_csv(table)
    used = pictures[pictures["split"] != "left_out"]
    start = time.perf_counter()
    with ThreadPoolExecutor(int(threads)) as pool:
        squares = list(pool.map(partial(square, int(size)), [Path(folder, path) for path in used["path"]]))
    decoded = time.perf_counter()
    train = (used["split"] == "train").to_numpy()
    inputs = torch.from_numpy(np.stack(squares)[train]).permute(0, 3, 1, 2)
    targets = torch.from_numpy(pd.factorize(used["label"], sort=True)[0][train])
    network = timm.create_model("mobilenetv2_100", num_classes=int(targets.max()) + 1, pretrained=False)
    state = torch.load(weights, weights_only=True)
    network.load_state_dict({name: state[name] for name in state if not name.startswith("classifier")}, strict=False)
    steps(network.to(memory_format=torch.channels_last), inputs, targets, int(epochs), int(batch), precision)
    print(f"{decoded - start:.3f} {time.perf_counter() - decoded:.3f}")


def square(size: int, file: Path) -> np.ndarray:
    """A photo as the network sees it: decoded at the smallest scale of JPEG that a clean copy can be made of."""
    with Image.open(file) as picture:
        picture.draft("RGB", (CLEAN, CLEAN))
        return np.asarray(picture.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def steps(
    network: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, epochs: int, batch: int, precision: str
) -> None:
    """One epoch of the head, then of the whole network."""
    head = network.get_classifier().parameters()
    for parameters, count in ((list(head), 1), (list(network.parameters()), epochs)):
        for parameter in network.parameters():
            parameter.requires_grad_(any(parameter is one for one in parameters))
        optimizer = torch.optim.AdamW(parameters, lr=1e-3)
        for _ in range(count):
            order = torch.randperm(len(inputs))
            for start in range(0, len(inputs) - batch + 1, batch):
                chosen = order[start : start + batch]
                pixels = inputs[chosen].float().div(255).sub(0.45).div(0.225).to(memory_format=torch.channels_last)
                with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                    loss = nn.functional.cross_entropy(network(pixels).float(), targets[chosen])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()


if __name__ == "__main__":
    main()
