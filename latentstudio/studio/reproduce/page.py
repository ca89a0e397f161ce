"""The report: one HTML page with everything inside, readable in light and dark, on paper and offline."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from latentstudio import __version__
from latentstudio.figures.draw_tables import cell_text
from latentstudio.results import Table
from latentstudio.studio.reproduce.entry import Outcome
from latentstudio.studio.reproduce.run import Drawn

VERDICTS = {"held": "held", "partly": "held in part", "not": "did not hold"}

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #17191c; --soft: #5c6066; --line: #dcdfe3; --raised: #f5f6f7;
  --accent: #0072b2; --held: #00764f; --partly: #9a6700; --not: #b8430a; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181a; --ink: #e8eaec; --soft: #9ba0a7; --line: #34373c;
  --raised: #202225; --accent: #56b4e9; --held: #3ecf9b; --partly: #e6b34a; --not: #f0855a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue",
  Arial, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0; }
section { border-top: 1px solid var(--line); padding: 2rem 0 1rem; break-inside: avoid-page; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
.id { color: var(--soft); font-variant-numeric: tabular-nums; font-weight: 500; margin-right: .6rem; }
.lead { color: var(--soft); max-width: 46rem; }
.banner { border-left: 3px solid var(--not); background: var(--raised); padding: .7rem 1rem; }
.verdict { font-weight: 600; }
.held { color: var(--held); } .partly { color: var(--partly); } .not { color: var(--not); }
.verdict::before { content: "\\25CF\\00A0"; }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .15rem 1rem; margin: .8rem 0 1.2rem; font-size: .9rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.2rem 0 1.6rem; } figure img { width: 100%; height: auto; display: block; border-radius: 3px; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .3rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .8rem .22rem 0; text-align: left; vertical-align: top; }
thead th { border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--ink); font-weight: 600; }
tbody tr:last-child td { border-bottom: 1.5px solid var(--ink); } .r { text-align: right; }
nav table td { border-bottom: 1px solid var(--line); padding-block: .35rem; } nav table { width: 100%; }
details summary { cursor: pointer; color: var(--accent); font-size: .85rem; }
@media print { main { max-width: none; padding: 0; } nav { break-after: page; } }
"""


@dataclass(frozen=True)
class Facts:
    """What stands at the top of the report."""

    title: str
    lead: str
    warning: str
    data: str
    model: str
    split: str
    n: str
    photo: str
    seconds: float
    machine: str
    unwritten: str = ""


def page(facts: Facts, chapters: Sequence[tuple[Outcome, list[Drawn]]]) -> str:
    """Return the whole page."""
    done = [o for o, _ in chapters if o.finding is not None]
    counts = {v: sum(o.finding is not None and o.finding.verdict == v for o in done) for v in VERDICTS}
    summary = ", ".join(f"{counts[v]} {words}" for v, words in VERDICTS.items())
    missing = len(chapters) - len(done)
    rows = [
        ("Data", facts.data),
        ("Model", facts.model),
        ("Split", facts.split),
        ("Images", facts.n),
        ("New photo", facts.photo),
        ("Computed", f"{facts.seconds:.0f} s on {facts.machine}, latentstudio {__version__}"),
        ("Claims", f"{len(chapters)} entries: {summary}" + (f", {missing} could not run" if missing else "")),
        ("Not written yet", facts.unwritten),
    ]
    banner = f'<p class="banner">{escape(facts.warning)}</p>' if facts.warning else ""
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(facts.title)}</title><style>{STYLE}</style></head><body><main>",
            f'<h1>{escape(facts.title)}</h1><p class="lead">{escape(facts.lead)}</p>{banner}',
            _definitions(rows),
            _contents([o for o, _ in chapters]),
            *(_chapter(outcome, drawn, facts) for outcome, drawn in chapters),
            "</main></body></html>",
        ]
    )


def summary(chapters: Sequence[tuple[Outcome, list[Drawn]]]) -> str:
    """Return the table of contents and every sentence as Markdown, to be kept where the page is too large."""
    verdicts = {"held": "held", "partly": "in part", "not": "did not hold"}
    rows, sentences = ["| id | experiment | published | ours | claim |", "|---|---|---|---|---|"], []
    for o, _ in chapters:
        found = o.finding
        cells = (found.published or "–", found.ours or "–", verdicts[found.verdict]) if found else ("–", "–", "no run")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (o.entry.id, o.entry.title, *cells)) + " |")
        sentences.append(f"- **{o.entry.id}** {found.sentence if found else o.failure}")
    return "\n".join([*rows, "", *sentences, ""])


def _definitions(rows: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows if v) + "</dl>"


def _contents(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for o in outcomes:
        published, ours = (o.finding.published, o.finding.ours) if o.finding else ("", "")
        cells = [
            f'<a href="#{o.entry.id}">{o.entry.id}</a>',
            escape(o.entry.title),
            escape(published),
            escape(ours),
            _badge(o),
        ]
        rows.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    heads = "".join(f"<th>{h}</th>" for h in ("", "Experiment", "Published", "Ours", "Claim"))
    return (
        f'<nav aria-label="Contents"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></nav>'
    )


def _badge(outcome: Outcome) -> str:
    if outcome.finding is None:
        return '<span class="verdict not">could not run</span>'
    verdict = outcome.finding.verdict
    return f'<span class="verdict {verdict}">{VERDICTS[verdict]}</span>'


def _chapter(outcome: Outcome, drawn: Sequence[Drawn], facts: Facts) -> str:
    entry, found = outcome.entry, outcome.finding
    head = f'<section id="{entry.id}"><h2><span class="id">{entry.id}</span>{escape(entry.title)}</h2>'
    claim = f"<p><em>Published:</em> {escape(entry.claim)}</p>"
    if found is None:
        return f"{head}{claim}<p>{_badge(outcome)}: {escape(outcome.failure)}</p></section>"
    label = {k: v for k, v in (("Published", found.published), ("Ours", found.ours)) if v}
    label |= {"Method": entry.method, "Data": facts.data, "Split": found.split, "n": found.n, "Random seed": found.seed}
    label |= {"Model": found.model, "Time": f"{outcome.seconds:.1f} s"}
    return "".join(
        [head, claim, f"<p>{_badge(outcome)}. {escape(found.sentence)}</p>", _definitions(list(label.items()))]
        + [_plate(d, entry.title) for d in drawn]
        + ["</section>"]
    )


def _plate(drawn: Drawn, title: str) -> str:
    note = escape(" ".join(part for part in (drawn.note, drawn.caption) if part))
    caption = f'{note} <a href="figures/{drawn.file}">{drawn.file}</a>'
    if drawn.table is not None:
        return f"<figure>{_table(drawn.table)}<figcaption>{caption}</figcaption></figure>"
    light, dark = (f"data:image/png;base64,{base64.b64encode(d).decode('ascii')}" for d in (drawn.light, drawn.dark))
    words = escape(f"{title}. {note}", quote=True)
    return (
        f'<figure><picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{words}"></picture><figcaption>{caption}</figcaption></figure>'
    )


def _table(table: Table) -> str:
    right = [
        any(isinstance(row[i], (int, float)) for row in table.rows)
        and not any(isinstance(row[i], str) for row in table.rows)
        for i in range(len(table.columns))
    ]
    mark = [' class="r"' if r else "" for r in right]
    head = "".join(f"<th{m}>{escape(c)}</th>" for c, m in zip(table.columns, mark, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{m}>{escape(cell_text(v, table.digits))}</td>" for v, m in zip(row, mark, strict=True))
        + "</tr>"
        for row in table.rows
    )
    whole = f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    if len(table.rows) > 16:
        return f"<details open><summary>{len(table.rows)} rows</summary>{whole}</details>"
    return whole
