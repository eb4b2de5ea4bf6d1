"""A run is not made again with other code or another configuration than its own."""

from dataclasses import asdict
from typing import Any

import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.model.fingerprint import code_digest
from fieldguide.reproduction.repeat import repeat


def test_other_code_and_another_configuration_are_refused(checkout: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout.root)
    config = asdict(compose(checkout, ["resize=pad"]))
    known: dict[str, Any] = {"code": code_digest(), "config": config, "overrides": ["resize=pad"], "stages": []}
    repeat({**known, "added later": 1})
    with pytest.raises(UserError, match=r"do not give its code$"):
        repeat({**known, "code": "0"})
    with pytest.raises(UserError, match=r"do not give its configuration: resize, choices$"):
        repeat({**known, "overrides": []})
