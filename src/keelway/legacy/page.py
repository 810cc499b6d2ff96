"""The report as one page for people who do not program: no scripts, nothing loaded from elsewhere."""

from html import escape

from keelway.legacy.report import ProjectReport, Report

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2330;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}td,th{text-align:left;padding:.35rem .6rem;
border-bottom:1px solid #d8dde6;vertical-align:top}code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}
.attention,.failed{color:#8a4b00;font-weight:600}.imported,.unchanged{color:#17603a;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#e6e9ef;background:#14181f}td,th{border-color:#333b48}
.attention,.failed{color:#ffb765}.imported,.unchanged{color:#6fd59b}}
"""
WORDS = {
    "imported": "Brought over, all of it",
    "attention": "Brought over; something wants a look",
    "failed": "Not brought over",
    "unchanged": "Was here already",
}
OUTCOMES = {
    "damaged": "The old system had shortened this file, and no whole copy was found. It is kept as it was.",
    "placeholder": "The old system had stored only the name of this picture, not the picture.",
    "binary_cut": "The old system had shortened this file; it cannot be opened.",
    "refused": "This name cannot be kept safely; the file was left out.",
    "duplicate": "The same file was stored under two spellings; the one written last was taken.",
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
    problems = "".join(f"<li>{escape(text)}</li>" for text in report.problems)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Import report</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>Import report</h1><p>{lead}</p>"
        f"<p>From {escape(report.source)}, {report.finished_at:%Y-%m-%d %H:%M} UTC.</p>"
        f"<table>{totals}</table>"
        + (f"<h2>Rows that could not be read</h2><ul>{problems}</ul>" if problems else "")
        + "".join(_project(project) for project in report.projects)
        + "</html>\n"
    )


def _project(project: ProjectReport) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in project.notes)
    rows = "".join(
        f"<tr><td>{escape(version)}</td><td><code>{escape(file.path)}</code></td>"
        f"<td>{OUTCOMES.get(file.outcome, file.outcome)} {escape(file.note or '')}</td></tr>"
        for version, file in project.attention
    )
    table = f"<table><tr><th>Version<th>File<th>What happened</tr>{rows}</table>" if rows else ""
    repaired = project.outcomes["repaired"]
    return (
        f"<h2>{escape(project.name)}</h2>"
        f'<p><span class="{project.status}">{WORDS[project.status]}.</span> '
        f"{project.versions} versions, {project.messages} messages. "
        f"Laid on: {escape(project.base)}."
        + (f" {repaired} shortened files were made whole again, with proof." if repaired else "")
        + f"</p><ul>{notes}</ul>{table}"
    )
