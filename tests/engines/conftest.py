"""Checkouts on which the engines are tried, made once for each."""

from pathlib import Path

import pytest

from engines.checkout import HAS_SHARED, checkout


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of pictures of noise."""
    return checkout(tmp_path_factory.mktemp("noise"), photos=False)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of photos, with pretrained features."""
    if not HAS_SHARED:
        pytest.skip("../shared/data/bears or the weights of mobilenetv2_100 are missing")
    return checkout(tmp_path_factory.mktemp("photos"), photos=True)
