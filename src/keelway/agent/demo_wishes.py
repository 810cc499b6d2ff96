"""What a person may wish of the demo model, understood by words and nothing cleverer."""

import re
from dataclasses import dataclass
from typing import Literal

COLOURS = {
    "red": "#c8321f",
    "crimson": "#b3123c",
    "orange": "#c2570c",
    "amber": "#a86a00",
    "gold": "#a07800",
    "yellow": "#e0b400",
    "lime": "#5b8c00",
    "green": "#1c7c3c",
    "olive": "#6b6b1c",
    "teal": "#0b7a75",
    "turquoise": "#0d8f8c",
    "cyan": "#0b7fa3",
    "blue": "#1f5fd1",
    "navy": "#1b2f6b",
    "indigo": "#4338ca",
    "violet": "#6d3fc4",
    "purple": "#7a2fa8",
    "magenta": "#b0249b",
    "pink": "#c92a6f",
    "brown": "#7b4a21",
    "black": "#111111",
    "white": "#ffffff",
    "grey": "#5f6b70",
    "gray": "#5f6b70",
}
"""Names people use, as values that read well on light and dark ground."""

Target = Literal["heading", "button", "accent", "background", "text"]
App = Literal["todo", "habit", "landing"]


@dataclass(frozen=True, slots=True)
class Build:
    """One of the three apps, under the person's name for it."""

    app: App
    heading: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Replace:
    """`change A to B`; `old` is None where A was "the heading"."""

    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class Recolour:
    """A colour by name for a part of the page."""

    target: Target
    colour: str


@dataclass(frozen=True, slots=True)
class AddSection:
    """`add a section about X`."""

    about: str


@dataclass(frozen=True, slots=True)
class Beyond:
    """Anything else."""


Wish = Build | Replace | Recolour | AddSection | Beyond

_CHANGE = re.compile(
    r"^\W*(?:please\s+|now\s+|can you\s+|could you\s+)*(?:change|rename|replace)\s+(?P<old>.+?)\s+"
    r"(?:to|with|into|by)\s+(?P<new>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SECTION = re.compile(
    r"\badd\s+(?:an?\s+|another\s+|one\s+more\s+|new\s+)*section\s+(?:about|on|for|with)\s+(?P<about>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_HEADING_WORDS = re.compile(
    r"(?:the\s+)?(?:page\s+)?(?:heading|title|headline|name)", re.IGNORECASE
)
_TARGETS: tuple[tuple[Target, str], ...] = (
    ("heading", r"\b(?:headings?|titles?|headlines?|headers?)\b"),
    ("button", r"\bbuttons?\b"),
    ("background", r"\b(?:background|ground)\b"),
    ("text", r"\b(?:text|words|letters)\b"),
    ("accent", r"\b(?:accent|colou?rs?|theme|it|everything|app|page|site)\b"),
)
_COLOUR = re.compile(rf"\b({'|'.join(COLOURS)})\b", re.IGNORECASE)
_ONLY_COLOUR = re.compile(
    rf"(?:a\s+|the\s+|colou?r\s+|dark\s+|light\s+|deep\s+)*(?:{'|'.join(COLOURS)})", re.IGNORECASE
)
_PAINT = re.compile(r"\b(?:make|turn|paint|colou?r|set|change|should be|want)\b", re.IGNORECASE)
_APPS: tuple[tuple[App, str], ...] = (
    ("todo", r"\bto-?\s?dos?\b|\btasks?\b|\b(?:check|shopping\s+)list\b"),
    ("habit", r"\bhabits?\b|\bstreaks?\b"),
    ("landing", r"\blanding\b|\bhome\s?page\b|\bweb\s?(?:site|page)\b|\bsite\b|\bportfolio\b"),
)
_ANEW = re.compile(r"\b(?:build|create|start over|instead|new app)\b", re.IGNORECASE)
_CALLED = re.compile(
    r"\b(?:called|named|titled)\s+(?:[\"'“‘](?P<quoted>[^\"'”’]+)[\"'”’]|(?P<plain>[^.,;:!?\n]+))",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"\b(?:for|about|of)\s+(?:(?:my|our|a|an|the)\s+)*(?P<subject>[^.,;:!?\n–—]+)", re.IGNORECASE
)
_REST = re.compile(r"\s+(?:that|which|with|where|who|and it|it should|in)\b", re.IGNORECASE)
_DEFAULT_HEADINGS: dict[App, str] = {
    "todo": "Todo list",
    "habit": "Habit tracker",
    "landing": "Welcome",
}
LONGEST_HEADING = 60


def understand(prompt: str, *, first: bool) -> Wish:
    """What the prompt asks for. In a `first` prompt an app's name alone means to build it."""
    text = prompt.strip()
    if match := _SECTION.search(text):
        return AddSection(_plain(match["about"]))
    if (wish := _colour(text)) is not None:
        return wish
    if match := _CHANGE.match(text):
        old, new = _plain(match["old"]), _plain(match["new"])
        heading = _HEADING_WORDS.fullmatch(old) is not None
        return Replace(None if heading else old, new) if old and new else Beyond()
    if first or _ANEW.search(text):
        return _build(text)
    return Beyond()


def _colour(text: str) -> Recolour | None:
    colours = _COLOUR.findall(text)
    if not colours or not _PAINT.search(text) or re.search(r"[\"“']", text):
        return None
    if (match := _CHANGE.match(text)) and not _ONLY_COLOUR.fullmatch(_plain(match["new"])):
        return None
    for target, words in _TARGETS:
        if re.search(words, text, re.IGNORECASE):
            return Recolour(target, colours[-1].lower())
    return None


def _build(text: str) -> Wish:
    found: list[tuple[int, App]] = [
        (match.start(), app)
        for app, words in _APPS
        if (match := re.search(words, text, re.IGNORECASE))
    ]
    if not found:
        return Beyond()
    app = min(found)[1]
    if match := _CALLED.search(text):
        heading = _plain(match["quoted"] or _REST.split(match["plain"])[0])
        return Build(app, heading[:LONGEST_HEADING], _lead(text, match.end(), heading))
    if app == "landing" and (match := _SUBJECT.search(text)):
        subject = _REST.split(match["subject"])[0]
        heading = _capital(_plain(subject))[:LONGEST_HEADING]
        return Build(app, heading, _lead(text, match.start("subject") + len(subject), heading))
    return Build(app, _DEFAULT_HEADINGS[app], _lead(text, len(text), ""))


def _lead(text: str, start: int, heading: str) -> str:
    """What the person said after the name, as the page's first sentence."""
    rest = re.sub(r"^[\s,;:.!?\"'”’–—-]+", "", text[start:]).split("\n")[0].strip()
    rest = re.sub(r"^(?:that|which)\s+", "", rest, flags=re.IGNORECASE)
    if len(rest.split()) < 3:
        return f"Good to have you here. This is what {heading or 'we'} can do for you."
    return _capital(rest).rstrip(".") + "."


def _plain(words: str) -> str:
    """Without quotes, closing punctuation and the words around a text."""
    text = " ".join(words.split()).rstrip(".!?")
    text = re.sub(r"^the\s+(?:words?|text|label)\s+", "", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+please$", "", text, flags=re.IGNORECASE)
    return text.strip(" \"'“”‘’`").strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
