"""Two trainings at once with all cores each, as two jobs on one machine: `python bench/busy_training.py`.

PyTorch's threads may spin while they wait for each other, as is usual, or sleep (`fieldguide.base.process`). The same
steps are made alone as well: sleeping must cost nothing there.
"""

import os
import subprocess
import sys

from common import ROOT, Figure, cores, in_turn, ratio_of, report, seconds

COMPARED = "training steps of `tiny` with threads that sleep, against threads that spin while they wait"
STEPS, ROUNDS = 20, 3
PROGRAM = """
import sys
from pathlib import Path
import torch
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.model.architecture import Architecture
from fieldguide.model.network import build_body, build_classifier, count_features

model = compose(Paths(Path.cwd()), ["model=tiny"]).model
body = build_body(Architecture(model.library, model.arch, model.options))
network = build_classifier(body, count_features(body, 128), 3).to(memory_format=torch.channels_last).train()
torch.set_num_threads(int(sys.argv[1]))
pictures = torch.rand(32, 3, 128, 128).contiguous(memory_format=torch.channels_last)
for _ in range(int(sys.argv[2])):
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(pictures).float().logsumexp(dim=1).mean()
    loss.backward()
"""


def measure() -> list[Figure]:
    """How many times as fast trainings are with threads that sleep: one alone, and two at once."""
    figures = []
    for name, count in (("alone", 1), ("two at once", 2)):
        pairs = in_turn(
            lambda count=count: seconds(lambda: train("PASSIVE", count)),
            lambda count=count: seconds(lambda: train("", count)),
            ROUNDS,
        )
        sleep, spin = (min(times) for times in zip(*pairs, strict=True))
        detail = f"{sleep:.1f} against {spin:.1f} s for {STEPS} steps and the start, best of {ROUNDS}"
        figures.append(Figure(name, ratio_of(pairs), 0.95 if count == 1 else 1.0, detail=detail))
    return figures


def train(policy: str, count: int) -> None:
    """So many processes that train at once; `policy` is OpenMP's, "" for its own choice."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environment |= {"PYTHONPATH": str(ROOT / "src"), **({"OMP_WAIT_POLICY": policy} if policy else {})}
    command = [sys.executable, "-c", PROGRAM, str(cores()), str(STEPS)]
    started = [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]
    if any(process.wait() for process in started):
        raise RuntimeError("a training failed")


if __name__ == "__main__":
    report(measure)
