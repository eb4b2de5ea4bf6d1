"""What each process of fieldguide does first."""

import sys
from pathlib import Path

import pytest

from conftest import run_python


def test_what_it_starts_finds_the_programs_of_its_environment_first(tmp_path: Path) -> None:
    """As when it is called by its path, by cron, or on a node of a cluster."""
    program = "import shutil; from fieldguide.base.process import start_process; start_process(); start_process()"
    shown = f"{program}; import os; print(shutil.which('python'), os.environ['PATH'])"
    own = Path(sys.executable).parent
    assert run_python("-c", shown, cwd=tmp_path, PATH="/usr/bin:/bin").stdout.split() == [
        str(own / "python"),
        f"{own}:/usr/bin:/bin",
    ]


@pytest.mark.parametrize(("own", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_that_wait_for_each_other_sleep_unless_the_user_says_otherwise(
    tmp_path: Path, own: dict[str, str], policy: str
) -> None:
    program = "from fieldguide.base.process import start_process; start_process(); import torch"
    told = run_python("-c", program, cwd=tmp_path, OMP_DISPLAY_ENV="true", **own).stderr
    assert f"OMP_WAIT_POLICY = '{policy}'" in told
