import re

from sandboxd.ids import new_token


def test_tokens_are_labels_of_host_names_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[a-z0-9]{20,36}", token) for token in tokens)
