"""Shares, probabilities and p-values as people read them: what is neither 0 nor 1 is never shown as 0 or as 1.

The app's pages have the same in app/static/shares.js. A test forbids to format shares anywhere else.
"""


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent, as `98.0 %`, `< 0.1 %` or `> 99.9 %`."""
    return f"{_bounded(100 * share, 100, digits)} %"


def between(low: float, high: float) -> str:
    """What a share lies between, in whole per cent without the sign, as `95 to 98` or `95 to > 99`."""
    return f"{_bounded(100 * low, 100, 0)} to {_bounded(100 * high, 100, 0)}"


def of_100(share: float) -> str:
    """How many of 100 a share is, for sentences, as `98` or `more than 99`."""
    return _in_words(_bounded(100 * share, 100, 0), "less than", "more than")


def decimal(share: float, digits: int = 3) -> str:
    """A share, as `0.980`, `< 0.001` or `> 0.999`; losses and errors too, though they may be above 1."""
    return _bounded(share, 1, digits)


def with_interval(share: float, low: float, high: float) -> str:
    """A share and what it lies between, as `0.980 (0.951 to > 0.999)`."""
    return f"{decimal(share)} ({decimal(low)} to {decimal(high)})"


def significant(value: float, digits: int) -> str:
    """A measurement with so many significant digits at most, as `0.98`, `1.3e-05` or `> 0.999`."""
    text = f"{value:.{digits}g}"
    return decimal(value, digits) if value < 1 == float(text) else text


def p_value(value: float) -> str:
    """A p-value with its letter, as `p = 0.034` or `p < 0.001`: none is ever 0."""
    text = bare_p_value(value)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def bare_p_value(value: float) -> str:
    """A p-value under a heading that says what it is, as `0.034`, `< 0.001` or `> 0.99`."""
    if value < 0.001:
        return "< 0.001"
    return "> 0.99" if 0.995 <= value < 1 else f"{value:.2g}"


def p_value_in_words(value: float) -> str:
    """A p-value for sentences, as `p-value 0.034` or `p-value below 0.001`."""
    return f"p-value {_in_words(bare_p_value(value), 'below', 'above')}"


def rounded(share: float, digits: int = 6) -> float:
    """A share or p-value for files: so many decimals, and more where it would be 0 or 1 and is not."""
    short = round(share, digits)
    if share == short or short not in (0, 1):
        return short
    return float(f"{share:.{digits}g}") if short == 0 else rounded(share, digits + 1)


def written(value: float, digits: str) -> str:
    """A number for files, and a bound that is asked for: `digits` as `format` takes it (".4f").

    A share that would be 0 or 1 and is not has more of them.
    """
    text = format(value, digits)
    return str(rounded(value, int(digits[1:-1]))) if 0 < value < 1 and float(text) in (0, 1) else text


def _bounded(value: float, whole: int, digits: int) -> str:
    text, least = f"{value:.{digits}f}", 10.0**-digits
    if 0 < value < whole and float(text) in (0, whole):
        return f"< {least:.{digits}f}" if value < whole / 2 else f"> {whole - least:.{digits}f}"
    return text


def _in_words(text: str, below: str, above: str) -> str:
    return text.replace("<", below).replace(">", above)
