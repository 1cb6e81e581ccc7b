"""The report as a page: figures beside one another, and what the paper says of them."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from cgnmc_bluesky.demo.paper.chapter import Chapter, Picture
from cgnmc_bluesky.demo.paper.statements import Statement, Verdict, counted, disagreements

Part = tuple[Chapter, Sequence[Statement], Sequence[Picture]]
_MARKS = {
    Verdict.HOLDS: ("holds", "✓"),
    Verdict.FAILS: ("fails", "✗"),
    Verdict.UNKNOWN: ("unknown", "?"),
    Verdict.MISSING: ("missing", "–"),
}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 1180px; margin: 2em auto;
  padding: 0 1em; }
h2 { margin-top: 2.2em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3em .7em; border-top: 1px solid #e4e4e4; }
td.number { white-space: nowrap; }
td.verdict { white-space: nowrap; font-weight: 600; }
.holds { color: #00724f; } .fails { color: #b3261e; } .unknown { color: #8a6100; }
.missing { color: #767676; }
.why { color: #666; font-size: 85%; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 1em; }
figure { margin: 1em 0 0; } img { width: 100%; } figcaption { color: #555; font-size: 90%; }
"""


def write_page(path: Path, parts: Sequence[Part], remark: str = "") -> None:
    """Write the report.

    Parameters
    ----------
    path
        HTML file to write, in the folder of the pictures.
    parts
        Each figure with its statements and pictures.
    remark
        What has to be said first.
    """
    statements = [each for _, some, _ in parts for each in some]
    warning = f'<p class="fails">{escape(remark)}</p>' if remark else ""
    body = "\n".join(_part(*part) for part in parts)
    path.write_text(
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>The paper, measured</title><style>{_STYLE}</style></head>\n<body>\n"
        "<h1>The paper, measured</h1>\n"
        "<p>What each figure of the paper on concentration-gradient NMC622 shows, measured with "
        "simulated instruments on samples that are as it reports. Verdicts come from the measured "
        "numbers and their sigmas alone. A value is given with one standard deviation.</p>\n"
        f"{warning}<p><strong>{escape(counted(statements).capitalize())}.</strong></p>\n"
        f"{_disagreements(statements)}{body}\n</body>\n</html>\n",
        encoding="utf-8",
    )


def _disagreements(statements: Sequence[Statement]) -> str:
    entries = "".join(f"<li>{escape(text)}</li>" for text in disagreements(statements))
    if not entries:
        return ""
    return (
        "<h2>Where the paper's own methods disagree</h2>\n"
        f"<ul>{entries}</ul>\n<p>The samples are simulated so, as the paper reports them; it does "
        "not tell why.</p>\n"
    )


def _part(chapter: Chapter, statements: Sequence[Statement], pictures: Sequence[Picture]) -> str:
    rows = "\n".join(_row(each) for each in statements)
    figures = "\n".join(
        f'<figure><a href="{escape(one.path.name)}"><img src="{escape(one.path.name)}" '
        f'alt="{escape(one.caption)}"></a><figcaption>{escape(one.caption)}</figcaption></figure>'
        for one in pictures
    )
    return (
        f'<h2 id="fig{escape(chapter.key)}">Fig. {escape(chapter.key)}: '
        f"{escape(chapter.title)}</h2>\n"
        "<table>\n<tr><th></th><th>the paper says</th><th>measured</th><th></th><th>verdict</th>"
        f'</tr>\n{rows}\n</table>\n<div class="figures">\n{figures}\n</div>'
    )


def _row(each: Statement) -> str:
    css, mark = _MARKS[each.verdict]
    return (
        f"<tr><td>{escape(each.figure)}</td><td>{escape(each.text)}"
        f'<div class="why">{escape(each.why)}</div></td><td>{escape(each.quantity)}</td>'
        f'<td class="number">{escape(each.measured)}</td>'
        f'<td class="verdict {css}">{mark} {escape(str(each.verdict))}</td></tr>'
    )
