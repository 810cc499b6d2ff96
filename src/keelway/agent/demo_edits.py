"""Edits of the demo model on source text as it is now, whoever wrote it. Pure functions."""

import re
from collections.abc import Callable

from keelway.agent.demo_wishes import COLOURS, Target

_JSX_TEXT = re.compile(r"(?<=[>}])(?P<text>[^<>{}=;()&|]*)(?=[<{])")
_STRING = re.compile(r"(?P<quote>['\"])(?P<text>(?:\\.|(?!(?P=quote))[^\\\n])*)(?P=quote)")
_NOT_SHOWN = re.compile(
    r"(?:^\s*(?:import|export)\b.*|\b(?:className|class|id|htmlFor|for|type|key|name|role|rel|href|src|"
    r"lang|charset|content)=\{?|\bgetElementById\(|\b[gs]etItem\(|[=!]==?\s*|\bid:\s*|<[^>\n]*\bmeta\b.*)$"
)
_RULE = re.compile(r"(?P<selector>[^{}]+)\{(?P<body>[^{}]*)\}")
_LAST_TAG = re.compile(r"\n(?P<indent>[ \t]*)</(?P<name>[A-Za-z.]*)>(?=\s*\)?\s*;?\s*\}?\s*$)")
_VARIABLES: dict[Target, str] = {
    "heading": "--heading",
    "button": "--button",
    "accent": "--accent",
    "background": "--ground",
    "text": "--ink",
}
_ELEMENTS: dict[Target, str] = {
    "heading": r"\bh1$",
    "button": r"\bbutton$",
    "background": r"\bbody$",
    "text": r"\bbody$",
    "accent": r"$^",
}
_PROPERTIES: dict[Target, str] = {
    "heading": "color",
    "button": "background(?:-color)?",
    "background": "background(?:-color)?",
    "text": "color",
    "accent": "accent-color",
}
_RULES: dict[Target, str] = {
    "heading": "h1 {{\n  color: {0};\n}}",
    "button": "button {{\n  background: {0};\n  color: {1};\n}}",
    "background": "body {{\n  background: {0};\n}}",
    "text": "body {{\n  color: {0};\n}}",
    "accent": ":root {{\n  --accent: {0};\n  accent-color: {0};\n}}",
}


def replace_shown(source: str, old: str, new: str) -> str:
    """Replace what people read: text between tags and in strings, never names in the code."""
    exact = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    loose = re.compile(exact.pattern, re.IGNORECASE)
    for wanted in (exact, loose):
        changed = _in_strings(_in_text(source, wanted, new), wanted, new)
        if changed != source:
            return changed
    return source


def _in_text(source: str, wanted: re.Pattern[str], new: str) -> str:
    return _JSX_TEXT.sub(lambda m: wanted.sub(lambda _: jsx_text(new), m["text"]), source)


def _in_strings(source: str, wanted: re.Pattern[str], new: str) -> str:
    def inside(match: re.Match[str]) -> str:
        line_before = source[source.rfind("\n", 0, match.start()) + 1 : match.start()]
        if _NOT_SHOWN.search(line_before):
            return match[0]
        quote = match["quote"]
        safe = new.replace("\\", "\\\\").replace(quote, f"\\{quote}")
        return f"{quote}{wanted.sub(lambda _: safe, match['text'])}{quote}"

    return _STRING.sub(inside, source)


def replace_heading(source: str, new: str) -> str:
    """The words of the first `<h1>`, or of the page's `<title>`."""
    pattern = re.compile(r"(<(h1|title)\b[^>]*>)(.*?)(</\2>)", re.DOTALL)
    return pattern.sub(lambda m: f"{m[1]}{jsx_text(new)}{m[4]}", source, count=1)


def add_section(source: str, about: str) -> str | None:
    """A section at the end of the page, before its footer; None where no page's end is found."""
    place = _place(source)
    if place is None:
        return None
    at, indent = place
    title = jsx_text(about[:1].upper() + about[1:])
    section = "\n".join(
        (
            f'{indent}<section className="section">',
            f"{indent}  <h2>{title}</h2>",
            f"{indent}  <p>Here is the place for what matters about {jsx_text(about)}.</p>",
            f"{indent}</section>",
        )
    )
    return f"{source[:at]}\n{section}\n{source[at:].removeprefix(chr(10))}"


def _place(source: str) -> tuple[int, str] | None:
    """Where a section goes (the line break before it), and how far in."""
    end = source.rfind("</main>")
    if end < 0:
        match = _LAST_TAG.search(source)
        return None if match is None else (match.start(), f"{match['indent']}  ")
    line = source.rfind("\n", 0, end)
    if line < 0 or source[line + 1 : end].strip():
        return None
    footer = re.compile(r"\n([ \t]*)<footer\b").search(source)
    if footer is not None and footer.start() < end:
        return footer.start(), footer[1]
    return line, f"{source[line + 1 : end]}  "


def jsx_text(words: str) -> str:
    """A person's words as text between tags."""
    entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "{": "&#123;", "}": "&#125;"}
    return "".join(entities.get(letter, letter) for letter in words)


def recolour(source: str, target: Target, colour: str) -> str:
    """The style sheet with that part in that colour: its variable, its own rules, or a new rule."""
    value = COLOURS[colour]
    variable = re.compile(rf"(?<![\w-])({_VARIABLES[target]}\s*:\s*)[^;{{}}]+?(?=\s*[;}}])")
    changed = variable.sub(lambda m: f"{m[1]}{value}", source)
    changed = _RULE.sub(_repaint(target, value), changed)
    if target == "button":
        ink = re.compile(r"(?<![\w-])(--button-ink\s*:\s*)[^;{}]+?(?=\s*[;}])")
        changed = ink.sub(lambda m: f"{m[1]}{readable_on(value)}", changed)
    if changed != source or value in source:
        return changed
    rule = _RULES[target].format(value, readable_on(value))
    return f"{source.rstrip()}\n\n{rule}\n" if source.strip() else f"{rule}\n"


def _repaint(target: Target, value: str) -> Callable[[re.Match[str]], str]:
    """Change the declarations of the element's own rules that do not use the variable."""
    element = re.compile(_ELEMENTS[target])
    declaration = re.compile(
        rf"(?<![\w-])({_PROPERTIES[target]}\s*:\s*)(?!\s*var\({_VARIABLES[target]}\)|transparent)[^;]+?(?=\s*(?:;|\Z))"
    )

    def paint(match: re.Match[str]) -> str:
        selectors = (part.strip() for part in match["selector"].split(","))
        if not any(element.search(selector) for selector in selectors):
            return match[0]
        body = declaration.sub(lambda m: f"{m[1]}{value}", match["body"])
        return f"{match['selector']}{{{body}}}"

    return paint


def readable_on(value: str) -> str:
    """Black or white, whichever reads better on a `#rrggbb` ground."""
    red, green, blue = (int(value[i : i + 2], 16) for i in (1, 3, 5))
    return "#111111" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#ffffff"
