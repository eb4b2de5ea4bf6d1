"""What each process of fieldguide does first."""

import sys
from pathlib import Path

import pytest

from conftest import run_python
from fieldguide.base.process import USAGE_REPORT_SWITCHES


def test_what_it_starts_finds_the_programs_of_its_environment_first(tmp_path: Path) -> None:
    """As when it is called by its path, by cron, or on a node of a cluster."""
    program = "import shutil; from fieldguide.base.process import start_process; start_process(); start_process()"
    shown = f"{program}; import os; print(shutil.which('python'), os.environ['PATH'])"
    own = Path(sys.executable).parent
    assert run_python("-c", shown, cwd=tmp_path, PATH="/usr/bin:/bin").stdout.split() == [
        str(own / "python"),
        f"{own}:/usr/bin:/bin",
    ]


READ = """
from fieldguide.base.errors import UserError
from fieldguide.model.onnx_network import OnnxNetwork
try:
    OnnxNetwork(b"none")
except UserError:
    pass
"""


@pytest.mark.slow
def test_onnx_runtime_reports_nothing_and_leaves_the_home_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in USAGE_REPORT_SWITCHES:
        monkeypatch.delenv(name, raising=False)
    done = run_python(
        "-c", f"{READ}\nimport sys; print('onnxruntime' in sys.modules)", cwd=tmp_path, HOME=str(tmp_path)
    )
    assert done.stdout == "True\n"
    assert not list(tmp_path.iterdir())
