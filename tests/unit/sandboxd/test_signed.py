from sandboxd.signed import SignedPreviews


def test_a_token_opens_its_port_only_and_until_it_ends() -> None:
    signed = SignedPreviews()
    token = signed.issue("box", 3000, 60)
    assert signed.find(token, 3000) == "box"
    assert signed.find(token, 3001) is None
    assert signed.find("other", 3000) is None
    assert not signed.expire("another", 3000, token)
    assert signed.expire("box", 3000, token)
    assert signed.find(token, 3000) is None
    assert not signed.expire("box", 3000, token)


def test_an_old_token_opens_nothing() -> None:
    signed = SignedPreviews()
    token = signed.issue("box", 3000, -1)
    assert signed.find(token, 3000) is None
    signed.issue("box", 3000, 60)
    assert not signed.expire("box", 3000, token)  # forgotten
