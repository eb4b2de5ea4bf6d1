"""On a GPU: the whole training loop against the bare step on a batch that is there already: `python bench/gpu.py`.

And what holds it back: the share of an epoch that loading alone would take.
"""

import warnings

from common import NETWORKS, Figure, Skipped, in_turn, report, seconds, training_folder

COMPARED = "an epoch of bare training steps on the GPU against an epoch of fieldguide's loop, validation included"
PICTURES, ROUNDS = 4096, 3


def measure() -> list[Figure]:
    """The share of the bare step's speed that the loop reaches, network by network."""
    import torch

    if not torch.cuda.is_available():
        raise Skipped("no GPU here")
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    import statistics

    from fitting import configured, epoch_seconds, make_weights
    from loader import Step, load_epoch, loaders_of

    figures = []
    with training_folder(PICTURES) as root:
        for name in NETWORKS:
            cfg = configured(root, name, "train.epochs=2", "train.batch_size=64")
            make_weights(cfg, root)
            step, batches = Step(cfg), PICTURES // cfg.train.batch_size
            for _ in range(10):
                step()
            pairs = in_turn(
                lambda cfg=cfg: epoch_seconds(cfg, root),
                lambda step=step, batches=batches: seconds(lambda: [step() for _ in range(batches)]),
                ROUNDS,
            )
            loading = seconds(lambda cfg=cfg: load_epoch(loaders_of(cfg, root)))
            loop, bare = (statistics.median(times) for times in zip(*pairs, strict=True))
            detail = (
                f"{PICTURES / loop:.0f} against {PICTURES / bare:.0f} pictures/s; loading alone takes "
                f"{loading / loop:.0%} of the epoch; {torch.cuda.get_device_name()}"
            )
            figures.append(Figure(name, statistics.median(mine / other for other, mine in pairs), detail=detail))
    return figures


if __name__ == "__main__":
    report(measure)
