"""Shares, probabilities and p-values as people read them: what is neither 0 nor 1 is never shown as 0 or as 1."""


def percent(share: float, digits: int = 1) -> str:
    """A share in per cent, as `98.0 %`, `< 0.1 %` or `> 99.9 %`."""
    return f"{_bounded(100 * share, 100, digits)} %"


def decimal(share: float, digits: int = 3) -> str:
    """A share, as `0.980`, `< 0.001` or `> 0.999`."""
    return _bounded(share, 1, digits)


def p_value(value: float) -> str:
    """A p-value with its letter, as `p = 0.034` or `p < 0.001`: none is ever 0."""
    text = bare_p_value(value)
    return f"p {text}" if text[0] in "<>" else f"p = {text}"


def bare_p_value(value: float) -> str:
    """A p-value under a heading that says what it is, as `0.034`, `< 0.001` or `> 0.99`."""
    if value < 0.001:
        return "< 0.001"
    return "> 0.99" if 0.995 <= value < 1 else f"{value:.2g}"


def rounded_p_value(value: float) -> float:
    """A p-value as tables hold it: six decimals, of a smaller one its first six digits, so that it is not 0."""
    return round(value, 6) if value >= 1e-6 else float(f"{value:.6g}")


def _bounded(value: float, whole: int, digits: int) -> str:
    text, least = f"{value:.{digits}f}", 10.0**-digits
    if 0 < value < whole and float(text) in (0, whole):
        return f"< {least:.{digits}f}" if value < whole / 2 else f"> {whole - least:.{digits}f}"
    return text
