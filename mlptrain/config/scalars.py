"""What plain text in YAML means: the core schema of YAML 1.2, and nothing else.

null, ~ and nothing     None
true, false             bool      (also True, TRUE, False, FALSE; `no` and `on` are strings)
12, +5, 010, 0o17, 0xff int       (`010` is ten)
0.5, .5, 1., 1e-3, .inf float     (`12:30:45`, `1_000` and dates are strings)
anything else           str
"""

import re

Scalar = str | int | float | bool | None

MAX_DIGITS = 40

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_RADIX = {"0o": 8, "0x": 16}


def scalar_of(text: str) -> Scalar:
    """The value of a plain scalar. The caller has rejected integers that are too long."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text, _RADIX.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def is_long_integer(text: str) -> bool:
    """Whether `text` is an integer of more than MAX_DIGITS digits."""
    return len(text) > MAX_DIGITS and _INTEGER.fullmatch(text) is not None
