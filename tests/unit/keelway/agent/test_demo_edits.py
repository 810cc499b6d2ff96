import pytest

from keelway.agent.demo_edits import (
    add_section,
    jsx_text,
    readable_on,
    recolour,
    replace_heading,
    replace_shown,
)

PAGE = """import { useState } from 'react'

export function App() {
  const [add, setAdd] = useState('Add')
  return (
    <main className="add">
      <h1>Add things</h1>
      <button className="Add" id="Add" onClick={() => setAdd('Add')}>
        Add
      </button>
      <input placeholder="Add here" />
    </main>
  )
}
"""


def test_only_what_people_read_is_replaced() -> None:
    changed = replace_shown(PAGE, "Add", "Put")
    assert "<h1>Put things</h1>" in changed
    assert 'placeholder="Put here"' in changed
    assert "\n        Put\n" in changed
    assert "useState('Put')" in changed
    assert 'className="Add" id="Add"' in changed
    assert "const [add, setAdd]" in changed


def test_case_counts_only_where_something_matches_it() -> None:
    assert "<h1>Put</h1>" in replace_shown("<h1>ADD THINGS</h1>", "add things", "Put")
    assert replace_shown("<h1>Adder</h1>", "Add", "Put") == "<h1>Adder</h1>"


def test_new_words_cannot_become_code() -> None:
    assert replace_shown("<p>Old</p>", "Old", "{evil()}") == "<p>&#123;evil()&#125;</p>"
    assert replace_shown("<p title='Old'/>", "Old", "it's") == "<p title='it\\'s'/>"
    assert jsx_text("a < b & c") == "a &lt; b &amp; c"


def test_the_heading_is_replaced_whatever_it_says() -> None:
    assert replace_heading('<h1 className="x">Old {name}</h1>', "New") == (
        '<h1 className="x">New</h1>'
    )
    assert replace_heading("<title>Old</title>", "New") == "<title>New</title>"
    assert replace_heading("<h2>Old</h2>", "New") == "<h2>Old</h2>"


def test_a_section_goes_to_the_end_of_the_page() -> None:
    changed = add_section(PAGE, "opening hours")
    assert changed is not None
    assert '      <section className="section">\n        <h2>Opening hours</h2>' in changed
    assert changed.index("<section") < changed.index("</main>")
    assert changed.count("</main>") == 1


def test_a_section_goes_before_a_footer() -> None:
    page = "    <main>\n      <p>x</p>\n      <footer>f</footer>\n    </main>\n"
    changed = add_section(page, "us")
    assert changed is not None
    assert changed.index("<section") < changed.index("<footer")
    assert changed.endswith("      <footer>f</footer>\n    </main>\n")


def test_a_page_written_by_hand_without_main_takes_a_section_too() -> None:
    page = "export default function App() {\n  return (\n    <div>\n      Hi\n    </div>\n  );\n}\n"
    changed = add_section(page, "us")
    assert changed is not None
    assert changed.index("<section") < changed.index("</div>")


def test_where_there_is_no_page_there_is_no_section() -> None:
    assert add_section("export const x = 1\n", "us") is None


def test_a_colour_goes_into_its_variable() -> None:
    source = (
        ":root {\n  --accent: teal;\n  --heading: var(--ink);\n}\nh1 { color: var(--heading); }\n"
    )
    changed = recolour(source, "heading", "blue")
    assert "--heading: #1f5fd1;" in changed
    assert "color: var(--heading)" in changed
    assert "--accent: teal;" in changed


def test_a_colour_set_by_hand_is_changed_where_it_was_set() -> None:
    assert recolour(".page h1 { color: red; margin: 0 }", "heading", "blue") == (
        ".page h1 { color: #1f5fd1; margin: 0 }"
    )
    source = "h1,\nh2 {\n  color: #123456;\n}\nbutton:hover { color: red }\n"
    assert recolour(source, "heading", "green").startswith("h1,\nh2 {\n  color: #1c7c3c;")


@pytest.mark.parametrize("target", ["heading", "button", "accent", "background", "text"])
def test_a_sheet_without_anything_of_the_kind_gets_a_rule(target: str) -> None:
    changed = recolour("p { margin: 0 }\n", target, "blue")  # pyright: ignore[reportArgumentType]
    assert changed.startswith("p { margin: 0 }\n\n")
    assert "#1f5fd1" in changed
    assert recolour(changed, target, "blue") == changed  # pyright: ignore[reportArgumentType]


def test_words_on_a_button_stay_readable() -> None:
    assert readable_on("#ffffff") == "#111111"
    assert readable_on("#1b2f6b") == "#ffffff"
    source = ":root { --button: var(--accent); --button-ink: #fff; }"
    assert "--button-ink: #111111" in recolour(source, "button", "yellow")
