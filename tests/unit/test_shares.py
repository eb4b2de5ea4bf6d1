"""Shares, probabilities and p-values in words: none is shown as 0 or as 1 that is not."""

from hypothesis import given
from hypothesis import strategies as st

from fieldguide.base.shares import (
    bare_p_value,
    between,
    decimal,
    of_100,
    p_value,
    p_value_in_words,
    percent,
    rounded,
    significant,
    with_interval,
    written,
)


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
    assert [p_value_in_words(value) for value in (0.0004, 0.034, 0.996, 1)] == [
        *("p-value below 0.001", "p-value 0.034", "p-value above 0.99", "p-value 1")
    ]


def test_intervals_and_counts_of_a_hundred_end_at_all_or_nothing_only_where_that_is_meant() -> None:
    assert [between(*ends) for ends in ((0, 0.004), (0.951, 0.982), (0.97, 0.9996), (0.97, 1))] == [
        *("0 to < 1", "95 to 98", "97 to > 99", "97 to 100")
    ]
    assert [of_100(share) for share in (0, 0.004, 0.92, 0.9996, 1)] == ["0", "less than 1", "92", "more than 99", "100"]
    assert with_interval(0.9996, 0.97, 1) == "> 0.999 (0.970 to 1.000)"


def test_measurements_have_few_digits_and_are_not_1_either() -> None:
    found = [significant(value, 3) for value in (0.00001234, 0.98, 0.9996, 1, 1.0001, 12.345)]
    assert found == ["1.23e-05", "0.98", "> 0.999", "1", "1", "12.3"]


def test_files_hold_more_digits_rather_than_0_or_1() -> None:
    shares = (0, 4.7e-14, 0.1234567, 0.99999996, 1, 1.23456789, -3e-9)
    assert [rounded(share) for share in shares] == [0, 4.7e-14, 0.123457, 0.99999996, 1, 1.234568, -3e-9]
    assert [written(share, ".4f") for share in (0, 0.00003, 0.25, 0.99996, 1)] == [
        *("0.0000", "3e-05", "0.2500", "0.99996", "1.0000")
    ]
    assert written(0.9984048834935713, ".2f") == "0.998" and written(1.00001, ".2f") == "1.00"


@given(st.floats(0, 1), st.integers(1, 8))
def test_what_a_file_holds_is_near_and_0_or_1_only_where_that_is_meant(share: float, digits: int) -> None:
    for found in (rounded(share, digits), float(written(share, f".{digits}f"))):
        assert abs(found - share) <= 0.5 * 10.0**-digits + 1e-12
        assert (found in (0, 1)) == (share in (0, 1))


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
