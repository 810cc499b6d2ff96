import pytest

from keelway.agent.demo_wishes import (
    AddSection,
    Beyond,
    Build,
    Recolour,
    Replace,
    Wish,
    understand,
)


@pytest.mark.parametrize(
    ("prompt", "app", "heading"),
    [
        ("a todo list", "todo", "Todo list"),
        ("Build me a to-do app", "todo", "Todo list"),
        ("a todo list called Groceries", "todo", "Groceries"),
        ('Make a task list named "Moving day"!', "todo", "Moving day"),
        ("I want to track my habits", "habit", "Habit tracker"),
        ("A habit tracker called Daymark with streaks", "habit", "Daymark"),
        ("a landing page", "landing", "Welcome"),
        ("a landing page for my todo app", "landing", "Todo app"),
        ("A website for Bean House, a small bakery in Leeds", "landing", "Bean House"),
        ("landing page for our club that meets on Mondays", "landing", "Club"),
    ],
)
def test_an_app_is_chosen_by_word_and_named_by_the_person(
    prompt: str, app: str, heading: str
) -> None:
    wish = understand(prompt, first=True)
    assert isinstance(wish, Build)
    assert (wish.app, wish.heading) == (app, heading)


def test_a_landing_page_begins_with_the_persons_words() -> None:
    wish = understand("A site for Bean House, a small bakery in Leeds that bakes rye", first=True)
    assert isinstance(wish, Build)
    assert wish.lead == "A small bakery in Leeds that bakes rye."


@pytest.mark.parametrize(
    ("prompt", "wish"),
    [
        ("change Todo list to Groceries", Replace("Todo list", "Groceries")),
        ('Please change "All done" to "Nothing left".', Replace("All done", "Nothing left")),
        ("rename Add to Put on the list", Replace("Add", "Put on the list")),
        ("replace the words What needs doing? with Next?", Replace("What needs doing", "Next")),
        ("change the heading to My week", Replace(None, "My week")),
        ("Change the title to Red Fox", Replace(None, "Red Fox")),
        ("make the heading blue", Recolour("heading", "blue")),
        ("make the buttons dark green please", Recolour("button", "green")),
        ("turn the accent color purple", Recolour("accent", "purple")),
        ("change the background to black", Recolour("background", "black")),
        ("change the button color to red", Recolour("button", "red")),
        ("make it teal", Recolour("accent", "teal")),
        ("add a section about opening hours", AddSection("opening hours")),
        ("Can you add another section about Leeds?", AddSection("Leeds")),
        ("make the todo items bigger", Beyond()),
        ("write me a poem about habits", Beyond()),
        ("make the fonts blue-ish and fancy", Beyond()),
        ("add a login", Beyond()),
        ("hello", Beyond()),
    ],
)
def test_a_follow_up_is_understood_or_it_is_not(prompt: str, wish: Wish) -> None:
    assert understand(prompt, first=False) == wish


def test_a_first_wish_beyond_the_three_apps_builds_nothing() -> None:
    assert understand("a chess engine", first=True) == Beyond()


def test_an_app_is_built_anew_only_when_that_is_said() -> None:
    assert understand("the habit names are too long", first=False) == Beyond()
    wish = understand("build a habit tracker instead", first=False)
    assert isinstance(wish, Build)
