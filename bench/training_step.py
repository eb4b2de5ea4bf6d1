"""What bfloat16 gains in a training step, network by network: `python bench/training_step.py [MODEL...]`.

The two precisions are timed in turn on the same batch, so that a busy machine slows both alike. The rule in
`fieldguide.model.precision` rests on this.
"""

import statistics
import sys
import time
from pathlib import Path

import torch

from fieldguide.base.compose import compose, options_of
from fieldguide.base.paths import Paths
from fieldguide.model.network import Architecture, build_body, build_classifier, count_features
from fieldguide.model.precision import choose_precision

SIZE, BATCH, THREADS, ROUNDS = 128, 32, 2, 5


def main() -> None:
    """Print one line for every model option."""
    paths = Paths(Path(__file__).parent.parent)
    torch.set_num_threads(THREADS)
    print(f"{BATCH} pictures of {SIZE} pixels, {THREADS} threads; pictures per second, median of {ROUNDS}")
    for name in sys.argv[1:] or options_of(paths, "model"):
        model = compose(paths, [f"model={name}"]).model
        body = build_body(Architecture(model.library, model.arch, model.options))
        network = build_classifier(body, count_features(body, SIZE), 3).to(memory_format=torch.channels_last).train()
        step_seconds(network, torch.bfloat16), step_seconds(network, torch.float32)
        pairs = [(step_seconds(network, torch.bfloat16), step_seconds(network, torch.float32)) for _ in range(ROUNDS)]
        half, full = (BATCH / statistics.median(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(slow / fast for fast, slow in pairs)
        chosen = choose_precision(network)
        print(f"{name:18} bfloat16 {half:4.0f}  float32 {full:4.0f}  ratio {ratio:.2f}  chosen {chosen}")


def step_seconds(network: torch.nn.Module, dtype: torch.dtype) -> float:
    """Seconds of one forward and backward pass."""
    pictures = torch.rand(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    start = time.perf_counter()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        loss = network(pictures).float().logsumexp(dim=1).mean()
    loss.backward()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
