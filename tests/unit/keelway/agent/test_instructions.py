from keelway.agent.instructions import LISTED, excerpt, instructions


def test_the_model_is_told_what_the_project_is() -> None:
    told = instructions("Daymark", ["index.html", "src/App.tsx"])
    assert "'Daymark'" in told
    assert "- src/App.tsx\n" in told
    assert "check_app" in told


def test_a_large_project_is_told_in_part() -> None:
    told = instructions("Large", [f"f{number}" for number in range(LISTED + 5)])
    assert "… and 5 more" in told
    assert f"- f{LISTED}\n" not in told


def test_an_excerpt_says_that_it_is_one() -> None:
    assert excerpt("short", 10) == "short"
    assert excerpt("rather long", 6) == "rathe…"
