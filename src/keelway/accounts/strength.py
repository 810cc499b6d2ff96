"""What a new password must be: long enough, and none of those that are tried first."""

import re
import unicodedata

from keelway.accounts.passwords import plain
from keelway.errors import Invalid

SHORTEST, LONGEST = 8, 256
"""Characters (TRUST.md T36)."""
SHORTEST_NUMBER = 12
"""Digits and signs alone: below that, telephone numbers and dates."""
AROUND = 6
"""So many digits and signs around a common word do not make it another."""

_WORDS = """
    aaron abc abcd admin administrator alexander amanda america andrea andrew angel angela anthony apple
    arsenal asd asdf asdfasdf asdfgh asdfghjkl ashley austin banana barcelona baseball basketball batman
    beautiful benjamin blessed buster butterfly change changeme charlie cheese chelsea chocolate computer
    cookie corvette dallas daniel default dragon elizabeth fender ferrari flower football freedom friends
    fuckyou gabriel george ginger google guest hannah harley hello hockey hunter iloveyou jennifer jessica
    jordan joshua justin keelway killer king liverpool login love lovely lovers madison maggie manchester
    marina martin master matrix matthew mercedes merlin michael michelle monkey mustang naruto nicole ninja
    nothing oliver orange passpass passphrase passw password passwort patrick pepper phoenix pokemon
    princess purple qazwsx qazwsxedc qwe qwer qwerasdf qwert qwerty qwertyui qwertyuiop qwertz qwertzuiop
    ranger robert root samantha samsung secret shadow silver slayer soccer spiderman starwars sterling
    summer autumn winter spring sunshine superman taylor tennis test testing thomas thunder tigger trustno
    tucker unknown user victoria welcome whatever william yamaha yankees zaq zaqxsw zxc zxcvbn zxcvbnm
    letmein mypassword pass passwd temp temporary internet access security biteme
    """
TRIED_FIRST = frozenset(_WORDS.split())
"""Common words, without the digits and signs that are put before and behind them."""

_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujm",
)
_SIGNS_AS_LETTERS = str.maketrans("0134578@$!+", "oieastbasit")


class WeakPassword(Invalid):
    """A new password is too short, too long, or one that is tried first."""


def fit(password: str, *, email: str | None = None, name: str | None = None) -> str:
    """The password in the form that is hashed. Raises WeakPassword with what is wrong, never with it."""
    password = plain(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(f"Use {SHORTEST} to {LONGEST} characters.")
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        raise WeakPassword("Leave out line breaks and what else nobody can type.")
    if not password.strip():
        raise WeakPassword("Use more than spaces.")
    low = unicodedata.normalize("NFKC", password).casefold().strip()
    if low in _own_words(email, name):
        raise WeakPassword("Use something else than your name or e-mail address.")
    if _is_pattern(low) or _is_common(low):
        raise WeakPassword("That is one of those that are tried first. Choose another.")
    return password


def _own_words(email: str | None, name: str | None) -> set[str]:
    words = {(email or "").casefold(), (name or "").casefold()}
    words |= {word.partition("@")[0] for word in words} | {word.replace(" ", "") for word in words}
    return words - {""}


def _is_pattern(low: str) -> bool:
    """One short piece again and again, or a walk along a row of keys."""
    if re.fullmatch(r"(.{1,4}?)\1+.{0,3}", low):
        return True
    return any(low in row * 3 or low in row[::-1] * 3 for row in _ROWS)


def _is_common(low: str) -> bool:
    """A common word or pattern with a few digits and signs around it, or with signs for letters."""
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", low)
    if not bare:
        return len(low) < SHORTEST_NUMBER
    forms = {low, bare, re.sub(r"[\W\d_]+", "", low)}
    forms |= {form.translate(_SIGNS_AS_LETTERS) for form in forms}
    return any(
        len(low) - len(form) <= AROUND and (form in TRIED_FIRST or _is_pattern(form))
        for form in forms
    )
