"""Writes the tables of metrics and of transforms of the README from their cards.

Run: python scripts/build_card_tables.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

from embias.metrics import METRICS, MetricCard
from embias.transforms import TRANSFORMS, TransformCard

README = Path(__file__).parents[1] / "README.md"
_USES = {
    "items": "`audit`",
    "contexts": "`audit`, sentences",
    "sentences": "`audit`, sentences",
    "pictures": "`audit`, pictures",
    "vectors": "arrays",
    "texts": "language model",
}
_GUARANTEES = {
    "covariance": "no linear predictor beats a constant, on the fit data",
    "orthogonal": "nothing left along the subspace",
    None: "none",
}


def marks(name: str) -> tuple[str, str]:
    """Return the lines between which a table stands."""
    return f"<!-- {name}: made by scripts/build_card_tables.py -->", f"<!-- end of {name} -->"


def metric_table() -> str:
    """Return the table of metrics in Markdown."""
    head = ("Metric", "Question", "No bias", "Direction", "From", "Paper")
    return _table(head, [_metric(card) for card in METRICS.values()])


def transform_table() -> str:
    """Return the table of transforms in Markdown."""
    head = (
        "Transform",
        "Removes or does",
        "Guaranteed after",
        "Learns from",
        "In a model",
        "Paper",
    )
    return _table(head, [_transform(card) for card in TRANSFORMS.values()])


def _metric(card: MetricCard) -> tuple[str, ...]:
    question = card.measures.split(". ")[0].rstrip(".")
    return f"`{card.name}`", question, card.no_bias, card.direction, _USES[card.takes], card.paper


def _transform(card: TransformCard) -> tuple[str, ...]:
    removes = card.removes.split(". ")[0].rstrip(".")
    exported = "yes" if card.affine else "no"
    guarantee = _GUARANTEES[card.guarantee]
    name = f"`{card.estimator.__name__}`"
    return name, removes, guarantee, card.learns_from, exported, card.paper


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def with_tables(text: str) -> str:
    """Return the README with both tables between their marks."""
    for name, table in (("metrics", metric_table()), ("transforms", transform_table())):
        start, stop = marks(name)
        before, _, rest = text.partition(start)
        _, mark, after = rest.partition(stop)
        if not mark:
            raise SystemExit(f"{README.name}: the marks {start!r} and {stop!r} are missing")
        text = f"{before}{start}\n{table}\n{stop}{after}"
    return text


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    fresh = with_tables(text)
    if "--check" in sys.argv[1:]:
        if text != fresh:
            raise SystemExit(
                "README.md: a table is not that of the cards; run "
                "python scripts/build_card_tables.py"
            )
    else:
        README.write_text(fresh, encoding="utf-8")
