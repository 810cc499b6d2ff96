"""The report as one page for people who do not program: no scripts, nothing loaded from elsewhere."""

from collections.abc import Iterator
from html import escape

from keelway.legacy.report import ProjectReport, Report, Seen, counted

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2330;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #d8dde6;vertical-align:top}td:nth-child(3){white-space:nowrap}code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}
.attention,.failed{color:#8a4b00;font-weight:600}.imported,.unchanged{color:#17603a;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14181f}td,th{border-color:#333b48}
.attention,.failed{color:#ffb765}.imported,.unchanged{color:#6fd59b}}
"""
WORDS = {
    "failed": "Not brought over",
    "attention": "Brought over; something wants a look",
    "imported": "Brought over, all of it",
    "unchanged": "Was here already",
}
"""The four states, those that want somebody first."""
OUTCOMES = {
    "damaged": "Not whole",
    "placeholder": "Picture missing",
    "binary_cut": "Not whole",
    "refused": "Left out",
    "duplicate": "Second spelling",
    "written": "Became empty",
}
ADVICE = {
    "damaged": "Files that are not whole are kept as they were and marked “Incomplete” in Keelway. "
    "Ask the agent to write them again, or put them back from a copy that you have.",
    "placeholder": "Pictures that are missing were never in the old database. Upload them again.",
    "binary_cut": "Pictures and fonts that were shortened cannot be opened. Upload them again.",
    "refused": "Names that were left out cannot be kept safely on any machine. Nothing is to be done unless the "
    "app needs one of them: then ask the agent for it under another name.",
    "duplicate": "Where a file had two spellings, the one written last was taken. Look whether it is the right one.",
    "failed": "Projects that were not brought over are untouched in the old database. Import again after "
    "what is named below was looked at.",
}
TOTALS = {
    "projects": "Projects",
    "fragments": "Versions",
    "messages": "Messages",
    "files_repaired": "Shortened files made whole again, with proof",
    "files_carried_forward": "Files that a version did not name and that were kept from the one before",
    "files_damaged": "Shortened files without a whole copy",
    "files_placeholder": "Pictures that were never stored",
    "files_binary_cut": "Shortened pictures and fonts",
    "files_refused": "Names left out",
    "files_duplicate": "Second spellings",
}


def _safe(text: str) -> str:
    """Text of the old database: no markup, and nothing that turns or hides what stands beside it."""
    shown = "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return escape(shown)


def page(report: Report) -> str:
    """The report as HTML; every text from the old database is escaped."""
    happy = not report.needs_a_human
    lead = (
        "Everything was brought over whole."
        if happy
        else "Some things want a look; they are listed below, project by project."
    )
    totals = "".join(
        f"<tr><td>{words}</td><td>{report.totals[key]}</td></tr>"
        for key, words in TOTALS.items()
        if report.totals[key]
    )
    problems = "".join(f"<li>{_safe(text)}</li>" for text in report.problems)
    advice = "".join(f"<li>{_safe(text)}</li>" for text in _advice(report))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Import report</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>Import report</h1><p>{lead}</p>"
        f"<p>From {_safe(report.source)}, {report.finished_at:%Y-%m-%d %H:%M} UTC.</p>"
        f"<table>{totals}</table>"
        + (f"<h2>What you can do</h2><ul>{advice}</ul>" if advice else "")
        + (f"<h2>Rows that could not be read</h2><ul>{problems}</ul>" if problems else "")
        + _contents(report)
        + "".join(_project(at, project) for at, project in enumerate(report.projects))
        + "</html>\n"
    )


def _advice(report: Report) -> Iterator[str]:
    if report.totals["failed"]:
        yield ADVICE["failed"]
    for outcome, words in ADVICE.items():
        if report.totals[f"files_{outcome}"]:
            yield words


def _contents(report: Report) -> str:
    """Where there are several projects: each with how it went, those that want a look first."""
    if len(report.projects) < 2:
        return ""
    rows = "".join(
        f'<tr><td><a href="#p{at}">{_safe(each.name)}</a></td>'
        f'<td><span class="{each.status}">{WORDS[each.status]}</span></td>'
        f"<td>{each.versions}</td></tr>"
        for at, each in sorted(
            enumerate(report.projects), key=lambda row: list(WORDS).index(row[1].status)
        )
    )
    return f"<h2>Projects</h2><table><tr><th>Project<th>How it went<th>Versions</tr>{rows}</table>"


def _project(at: int, project: ProjectReport) -> str:
    notes = "".join(f"<li>{_safe(note)}</li>" for note in project.notes)
    rows = "".join(
        f"<tr><td><code>{_safe(file.path)}</code></td><td>{_safe(_where(seen))}</td>"
        f"<td>{OUTCOMES.get(file.outcome, file.outcome)}</td><td>{_safe(file.note or '')}</td></tr>"
        for file, seen in project.attention.items()
    )
    heads = "<tr><th>File<th>Version<th>What happened<th>Why</tr>"
    table = f"<table>{heads}{rows}</table>" if rows else ""
    repaired = project.outcomes["repaired"]
    return (
        f'<h2 id="p{at}">{_safe(project.name)}</h2>'
        f'<p><span class="{project.status}">{WORDS[project.status]}.</span> '
        f"{counted(project.versions, 'version')}, {counted(project.messages, 'message')}. "
        f"Laid on: {_safe(project.base)}."
        + (
            f" {counted(repaired, 'shortened file')} made whole again, with proof."
            if repaired
            else ""
        )
        + "</p>"
        + (f"<ul>{notes}</ul>" if notes else "")
        + table
        + _more(project)
    )


def _where(seen: Seen) -> str:
    return seen.title if seen.versions == 1 else f"{seen.title}, and {seen.versions - 1} later"


def _more(project: ProjectReport) -> str:
    """What the table has no room for."""
    left = project.unlisted
    return f"<p>And {left} more; report.json has all of them.</p>" if left else ""
