import pytest

from keelway.accounts.strength import WeakPassword, fit

TRIED_FIRST = [
    "password",
    "Password1",
    "P@ssw0rd!",
    "passw0rd123",
    "12345678",
    "123456789012",
    "87654321",
    "qwertyui",
    "qwerty123",
    "1q2w3e4r",
    "1qaz2wsx",
    "letmein1",
    "iloveyou",
    "iloveyou!!",
    "football1",
    "sunshine2024",
    "Welcome123!",
    "admin1234",
    "changeme",
    "abcabcabc",
    "abcd1234",
    "aaaaaaaa",
    "11111111",
    "zxcvbnm1",
    "qwertzuiop",
    "dragon99",
    "Summer2026!",
    "keelway1",
    "trustno1",
    "asdfghjkl",
    "monkey12",
    "19870614",
    "030-1234567",
    "!!!!!!!!",
    "ababababab",
    "ＰＡＳＳＷＯＲＤ",
]
GOOD = [
    "correct horse battery",
    "Tr0ub4dor&3",
    "8472-roses-in-may",
    "kJ8#nq2!",
    "пароль мой",
    "四つ葉のクローバーを探す",
    "passwordless entry is nice",
    "x" + "ab1!Z" * 50,
    "928461730582",
    " leading and trailing ",
    "ÄÖÜß–Straße",
]


@pytest.mark.parametrize("password", TRIED_FIRST)
def test_what_is_tried_first_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        fit(password)
    assert password not in refused.value.message
    assert refused.value.status == 422


@pytest.mark.parametrize("password", GOOD)
def test_what_is_long_enough_and_no_common_word_is_taken(password: str) -> None:
    assert fit(password, email="maya@example.com", name="Maya Roy") == password


def test_eight_to_256_characters_counted_as_they_are_hashed() -> None:
    assert fit("kJ8#nq2!")
    with pytest.raises(WeakPassword, match="8 to 256"):
        fit("kJ8#nq2")
    assert fit("ab1!Z" * 51)
    with pytest.raises(WeakPassword, match="8 to 256"):
        fit("ab1!Z" * 51 + "xy")
    with pytest.raises(WeakPassword, match="8 to 256"):
        fit("kJ8#nqu\u0308"[1:])  # eight code points, seven characters
    assert fit("Gru\u0308n, grun, grau") == "Gr\u00fcn, grun, grau"


@pytest.mark.parametrize(
    "password",
    ["", " " * 12, "line\nbreak and more", "nul\0nul\0nul", "half a pair \ud83c", "\t" * 9],
)
def test_nothing_and_what_nobody_can_type_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        fit(password)


@pytest.mark.parametrize(
    "password",
    ["maya.roy@example.com", "MAYA.ROY@EXAMPLE.COM", "Maya.Roy", "Maya Roy", "mayaroy1"[:8]],
)
def test_the_persons_own_name_and_address_are_refused(password: str) -> None:
    with pytest.raises(WeakPassword, match=r"name|address"):
        fit(
            password,
            email="maya.roy@example.com",
            name="mayaroy1" if "1" in password else "Maya Roy",
        )


def test_the_longest_oddest_text_is_judged_at_once() -> None:
    for text in ("a1" * 128, "ab" * 127 + "!", "1234" * 63 + "x"):
        with pytest.raises(WeakPassword):
            fit(text)
