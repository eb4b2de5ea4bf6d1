"""What bfloat16 gains in a training step, network by network: `python bench/training_step.py`.

The two precisions are timed in turn on the same batch, so that a busy machine slows both alike. The rule in
`fieldguide.model.precision` rests on this: it should choose bfloat16 where the figure is above 1, and only there.
"""

from common import ROOT, Figure, cores, in_turn, ratio_of, report, seconds

COMPARED = "forward and backward pass in float32 against bfloat16, same network, both channels_last"
SIZE, BATCH, ROUNDS = 128, 32, 5


def measure() -> list[Figure]:
    """How many times as fast bfloat16 is, for every model option."""
    import torch

    from fieldguide.base.option_files import options_of
    from fieldguide.base.paths import Paths
    from fieldguide.configuration.compose import compose
    from fieldguide.model.architecture import Architecture
    from fieldguide.model.network import build_body, build_classifier, count_features
    from fieldguide.model.precision import choose_computing

    def step(network: torch.nn.Module, dtype: torch.dtype) -> float:
        pictures = torch.rand(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)

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
        body = build_body(Architecture(model.library, model.arch, model.options))
        network = build_classifier(body, count_features(body, SIZE), 3).to(memory_format=torch.channels_last).train()
        step(network, torch.bfloat16), step(network, torch.float32)
        pairs = in_turn(
            lambda network=network: step(network, torch.bfloat16),
            lambda network=network: step(network, torch.float32),
            ROUNDS,
        )
        half, full = (BATCH / min(times) for times in zip(*pairs, strict=True))
        chosen = choose_computing(network, "auto").precision
        detail = f"{half:.0f} against {full:.0f} pictures/s, best of {ROUNDS}; chosen: {chosen}"
        figures.append(Figure(name, ratio_of(pairs), detail=detail))
    return figures


if __name__ == "__main__":
    report(measure)
