"""What bfloat16 gains in a training step, network by network: `python bench/training_step.py`.

The two precisions are timed in turn on the same batch, so that a busy machine slows both alike. The rule in
`fieldguide.model.precision` rests on this, run on an Intel processor with AMX and on an AMD one with AVX512-BF16 alone:
it should choose bfloat16 where the figure is above 1, and only there.
"""

from contextlib import suppress
from functools import partial

from common import ROOT, Figure, cores, in_turn, ratio_of, report, seconds

COMPARED = "forward and backward pass in float32 against bfloat16, same network, both channels_last"
SIZES = (128, 126, 224)  # pixels: the first that the network takes
BATCH, ROUNDS = 32, 5


def measure() -> list[Figure]:
    """How many times as fast bfloat16 is, for every model option."""
    import torch

    from fieldguide.base.errors import UserError
    from fieldguide.base.option_files import options_of
    from fieldguide.base.paths import Paths
    from fieldguide.configuration.compose import compose
    from fieldguide.model.architecture import Architecture
    from fieldguide.model.network import build_body, build_classifier, count_features
    from fieldguide.model.precision import choose_computing

    def step(network: torch.nn.Module, size: int, dtype: torch.dtype) -> float:
        pictures = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)

        def passes() -> None:
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                loss = network(pictures).float().logsumexp(dim=1).mean()
            loss.backward()

        return seconds(passes)

    paths = Paths(ROOT)
    torch.set_num_threads(cores())
    figures = []
    for name in options_of(paths, "model"):
        model = compose(paths, [f"model={name}"]).model
        for size in SIZES:
            body = build_body(Architecture(model.library, model.arch, model.options))
            with suppress(UserError):  # it takes no pictures of this size
                features = count_features(body, size)
                break
        network = build_classifier(body, features, 3).to(memory_format=torch.channels_last).train()
        step(network, size, torch.bfloat16), step(network, size, torch.float32)
        pairs = in_turn(
            partial(step, network, size, torch.bfloat16), partial(step, network, size, torch.float32), ROUNDS
        )
        half, full = (BATCH / min(times) for times in zip(*pairs, strict=True))
        chosen = choose_computing(network, "auto").precision
        detail = f"{half:.0f} against {full:.0f} pictures/s, best of {ROUNDS}, {size} px; chosen: {chosen}"
        figures.append(Figure(name, ratio_of(pairs), detail=detail))
    return figures


if __name__ == "__main__":
    report(measure)
