"""The old system's prompt-sized cut, reproduced exactly.

While one route was live, versions were stored as they had been shortened for a prompt. The cut is
deterministic, so a candidate for the lost original is *proved* when cutting it gives the stored text.
Lengths are JavaScript's: UTF-16 code units. The rules are LEGACY.md, "Truncation".
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from keelway.legacy.untyped import as_list, as_object

FILE_LIMIT = 10_000
"""A longer file was cut, UTF-16 units."""
TOTAL_LIMIT = 50_000
"""Once so much was kept, the remaining files were dropped, UTF-16 units."""

JSON_CUT = "/* JSON truncated */"
BAD_JSON_CUT = "/* Invalid JSON truncated */"
CODE_CUT = "/* Code truncated */"
_MARK = re.compile(
    r"/\* (?:(?:JSON|Invalid JSON|Code) truncated|File truncated - \d+ characters omitted) \*/"
)
CODE = (".tsx", ".jsx", ".ts", ".js")

LONE = re.compile("[\ud800-\udfff]")
"""Half a character: what is left of a surrogate pair that was cut in two."""

JS_SPACE = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What String.prototype.trim removes (ECMA-262, WhiteSpace and LineTerminator)."""


def units(text: str) -> int:
    """The length JavaScript sees."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def first_units(text: str, count: int) -> str:
    """`text.slice(0, count)`; a pair cut in half leaves its lone first half."""
    if count >= units(text):
        return text
    raw = text.encode("utf-16-le", "surrogatepass")[: 2 * count]
    return raw.decode("utf-16-le", "surrogatepass")


def settled(text: str) -> str:
    """As a database keeps it: half a character becomes U+FFFD on the way to UTF-8."""
    return LONE.sub("\ufffd", text)


def cut(path: str, text: str) -> str:
    """What the old system kept of one file."""
    if units(text) <= FILE_LIMIT:
        return text
    if path.endswith(".json"):
        return _cut_json(text)
    if path.endswith(CODE):
        return _cut_code(text)
    left_out = units(text) - 9_800
    return f"{first_units(text, 9_800)}\n\n/* File truncated - {left_out} characters omitted */"


def holds_mark(text: str) -> bool:
    """Whether a mark of the cut stands anywhere in it: it was cut, or written on top of what was."""
    return _MARK.search(text) is not None


def looks_cut(text: str) -> bool:
    """Whether the text carries a mark where the cut leaves it."""
    return (
        JSON_CUT in text
        or BAD_JSON_CUT in text
        or CODE_CUT in text
        or ("/* File truncated - " in text and text.endswith(" characters omitted */"))
    )


def proves(path: str, candidate: str, stored: str) -> bool:
    """Whether cutting `candidate`, once or again and again, gives exactly the stored text."""
    return settled(stored) in cuts(path, candidate)


def cuts(path: str, text: str) -> list[str]:
    """What is stored after one cut, after two, and so on, while each still shortens."""
    found: list[str] = []
    for _ in range(8):
        shorter = settled(cut(path, text))
        if shorter == text:
            break
        found.append(shorter)
        text = shorter
    return found


def importance(path: str) -> int:
    """How early a file was taken; the first test that matches wins."""
    low = path.lower()
    for score, matches in (
        (100, "app.tsx" in low or "app.jsx" in low),
        (90, "main.tsx" in low or "main.jsx" in low),
        (85, "index.html" in low),
        (80, "package.json" in low),
        (60, "component" in low),
        (50, low.endswith((".tsx", ".jsx"))),
        (40, low.endswith((".ts", ".js"))),
        (30, low.endswith((".css", ".scss"))),
        (10, "test" in low or "spec" in low),
        (5, ".d.ts" in low),
    ):
        if matches:
            return score
    return 20


def shorten(files: Mapping[str, str]) -> dict[str, str]:
    """A whole version as the old route stored it: cut, and short of what came too late."""
    kept: dict[str, str] = {}
    total = 0
    for path in sorted(files, key=importance, reverse=True):
        if total >= TOTAL_LIMIT:
            break
        kept[path] = cut(path, files[path])
        total += units(kept[path])
    return kept


def _cut_code(text: str) -> str:
    lines = text.split("\n")
    imports = [line for line in lines if line.strip(JS_SPACE).startswith("import")]
    exports = [line for line in lines if line.strip(JS_SPACE).startswith("export")]
    room = FILE_LIMIT - units("\n".join(imports + exports)) - 200
    if room <= 0:
        return f"{first_units(text, 9_900)}\n{CODE_CUT}"
    rest = "\n".join(
        line for line in lines if not line.strip(JS_SPACE).startswith(("import", "export"))
    )
    return "\n".join([*imports, "", first_units(rest, room), "", CODE_CUT, "", *exports[:3]])


def _cut_json(text: str) -> str:
    try:
        printed = stringify(json.loads(text, parse_constant=_refuse, parse_int=float))
    except (ValueError, RecursionError):
        return f"{first_units(text, 9_900)}\n{BAD_JSON_CUT}"
    return f"{first_units(printed, 9_900)}\n{JSON_CUT}"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def stringify(value: Any, indent: str = "") -> str:
    """`JSON.stringify(value, null, 2)` of a parsed value whose numbers are all floats."""
    deeper = indent + "  "
    if items := as_object(value):
        lines = [f"{_quote(k)}: {stringify(v, deeper)}" for k, v in _js_order(items)]
        return "{\n" + ",\n".join(deeper + line for line in lines) + f"\n{indent}}}"
    if rows := as_list(value):
        return "[\n" + ",\n".join(deeper + stringify(v, deeper) for v in rows) + f"\n{indent}]"
    if isinstance(value, str):
        return _quote(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _js_order(items: dict[str, Any]) -> list[tuple[str, Any]]:
    """Array-index keys first, by value; the others as they came (OrdinaryOwnPropertyKeys)."""

    def is_index(key: str) -> bool:
        digits = key.isascii() and key.isdigit() and (key == "0" or key[0] != "0")
        return digits and len(key) <= 10 and int(key) < 2**32 - 1

    numbered = sorted((key for key in items if is_index(key)), key=int)
    return [(k, items[k]) for k in numbered] + [(k, v) for k, v in items.items() if not is_index(k)]


def _quote(text: str) -> str:
    """A JSON string as JavaScript writes it: only quotes, controls and lone surrogates escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in quoted)


def _number(value: float) -> str:
    """Number::toString (ECMA-262): shortest digits, exponent from 1e21 and below 1e-6."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, power = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(power or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Digits with the decimal point after the first `point` of them."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"{digits[0]}.{digits[1:]}{power}" if digits[1:] else digits + power
