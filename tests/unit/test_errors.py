"""What a person reads of an error: one line, without what gives access to anything."""

import pytest

from fieldguide.base.errors import UserError


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("https://ann:s3cret@example.org/dvc is away", "https://example.org/dvc is away"),
        ("(http://:s3cret@host:80/a), ssh://s3cret@host", "(http://host:80/a), ssh://host"),
        ("no such remote: 's3://key:s3@cret@bucket/dvc'", "no such remote: 's3://bucket/dvc'"),
        ("hf://owner/set@main has no pictures", "hf://owner/set@main has no pictures"),
        ("ask ann@example.org: a@b", "ask ann@example.org: a@b"),
    ],
)
def test_no_address_in_it_has_a_password(said: str, shown: str) -> None:
    assert str(UserError(said)) == shown
