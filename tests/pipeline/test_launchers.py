"""One sweep by every launcher: the same models, bit for bit. It takes Ray and SLURM: `make test-slurm test-ray`."""

import tempfile
from pathlib import Path

import pytest

from pipeline.checkout import Checkout
from pipeline.slurm_cluster import is_installed, slurm_cluster
from pipeline.sweeps import COMBINATIONS, ON_ANY_MACHINE, models, sweeping

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

LAUNCHERS = {
    "basic": (),
    "joblib": ("hydra.launcher.n_jobs=2",),
    "slurm": ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2"),
    "ray": (),
}
DIGITS = 16  # of a hash, in the table


def swept(checkout: Checkout, launcher: str) -> dict[str, tuple[str, str]]:
    """What `models` says of the whole sweep, run by a launcher."""
    options = (f"hydra/launcher={launcher}", *LAUNCHERS[launcher])
    with sweeping(checkout, *ON_ANY_MACHINE, *options) as process:
        said, _ = process.communicate(timeout=900)
    assert process.returncode == 0, said
    return models(checkout)


def test_all_launchers_make_the_same_models(
    prepared: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray installs it")
    if not is_installed():
        pytest.skip("SLURM is not installed, or this is not root: make test-slurm installs it")
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, slurm_cluster(Path(folder)) as variables:
        found = {
            launcher: swept(prepared.copy(tmp_path / launcher).with_variables(**variables), launcher)
            for launcher in LAUNCHERS
        }
    with capsys.disabled():
        print(f"\n{'sha256 of the model':20}", *(f"{launcher:{DIGITS}}" for launcher in LAUNCHERS))
        for job in sorted(COMBINATIONS):
            print(f"{job:20}", *(found[launcher].get(job, ("", "none"))[1][:DIGITS] for launcher in LAUNCHERS))
    assert set(found["basic"]) == COMBINATIONS
    assert all(one == found["basic"] for one in found.values())
