from keelway.agent.deps import MODEL_BYTES, clip


def test_what_fits_is_not_touched() -> None:
    assert clip("hello") == "hello"


def test_what_does_not_fit_keeps_its_beginning_and_more_of_its_end() -> None:
    clipped = clip("a" * 100_000 + "z" * 100_000)
    assert clipped.startswith("a" * (MODEL_BYTES // 4))
    assert clipped.endswith("z" * (MODEL_BYTES * 3 // 4))
    assert "134464 bytes left out" in clipped
    assert len(clipped.encode()) < MODEL_BYTES + 100


def test_letters_of_many_bytes_stay_whole() -> None:
    assert "\ufffd" not in clip("é" * MODEL_BYTES)
