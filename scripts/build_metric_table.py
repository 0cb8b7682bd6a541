"""Writes the table of metrics of the README from the cards of the metrics.

Run: python scripts/build_metric_table.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from embias.metrics import METRICS, MetricCard

README = Path(__file__).parents[1] / "README.md"
START, STOP = "<!-- metrics: made by scripts/build_metric_table.py -->", "<!-- end of metrics -->"
_USES = {
    "items": "`audit`",
    "contexts": "`audit`, sentences",
    "sentences": "`audit`, sentences",
    "pictures": "`audit`, pictures",
    "vectors": "arrays",
    "texts": "language model",
}


def table() -> str:
    """Return the table in Markdown."""
    rows = [_row(card) for card in METRICS.values()]
    head = "| Metric | Question | No bias | Direction | From | Paper |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _row(card: MetricCard) -> str:
    question = card.measures.split(". ")[0].rstrip(".")
    cells = (
        f"`{card.name}`",
        *(question, card.no_bias, card.direction, _USES[card.takes], card.paper),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def with_table(text: str) -> str:
    """Return the README with the table between its marks."""
    before, _, rest = text.partition(START)
    _, mark, after = rest.partition(STOP)
    if not mark:
        raise SystemExit(f"{README.name}: the marks {START!r} and {STOP!r} are missing")
    return f"{before}{START}\n{table()}\n{STOP}{after}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    fresh = with_table(text)
    if "--check" in sys.argv[1:]:
        if text != fresh:
            raise SystemExit(
                "README.md: the table of metrics is not that of the cards; run "
                "python scripts/build_metric_table.py"
            )
    else:
        README.write_text(fresh, encoding="utf-8")
