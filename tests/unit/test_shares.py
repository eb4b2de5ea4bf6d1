"""Shares, probabilities and p-values in words: none is shown as 0 or as 1 that is not."""

from hypothesis import given
from hypothesis import strategies as st

from fieldguide.base.shares import bare_p_value, decimal, p_value, percent


def test_what_is_nearly_all_or_nothing_is_not_shown_as_that() -> None:
    assert [percent(share) for share in (0, 1e-9, 0.0004, 0.5, 0.98, 0.9996, 1)] == [
        *("0.0 %", "< 0.1 %", "< 0.1 %", "50.0 %", "98.0 %", "> 99.9 %", "100.0 %")
    ]
    assert [percent(share, 0) for share in (0, 0.004, 0.5, 0.996, 1)] == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]
    assert [decimal(share) for share in (0, 0.0004, 0.25, 0.9997, 1)] == [
        "0.000",
        "< 0.001",
        "0.250",
        "> 0.999",
        "1.000",
    ]
    assert decimal(0.99999, 4) == "> 0.9999"
    assert [p_value(value) for value in (0, 1e-300, 0.00099, 0.0012, 0.034, 1)] == [
        *("p < 0.001", "p < 0.001", "p < 0.001", "p = 0.0012", "p = 0.034", "p = 1")
    ]
    assert bare_p_value(0) == "< 0.001"
    assert p_value(0.996) == "p > 0.99"


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(0, 4))
def test_a_share_between_is_told_as_between(share: float, digits: int) -> None:
    texts = (
        (percent(share, digits).removesuffix(" %"), 100),
        (decimal(share, max(digits, 1)), 1),
        (bare_p_value(share), 1),
    )
    for text, whole in texts:
        if text[0] in "<>":
            assert 0 < float(text[2:]) < whole
            assert share * whole < float(text[2:]) if text[0] == "<" else share * whole > float(text[2:])
        else:
            assert 0 < float(text) < whole
