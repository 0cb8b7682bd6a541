"""How long the ten WEATs take with exact or certified p-values, in one process.

Run: python benchmarks/weat_suite.py
"""

from __future__ import annotations

from _common import EXTRACT, print_machine, timed, weat_arrays
from embias import audit, weat

LIMIT = 3.0


def main() -> None:
    print_machine()
    total = 0.0
    for name, arrays in weat_arrays().items():
        seconds, result = timed(lambda arrays=arrays: weat(*arrays))  # type: ignore[misc]
        total += seconds
        print(
            f"{name:<7} {seconds * 1e3:7.1f} ms  d = {result.effect_size:5.2f}  "
            f"p = {result.pvalue:.3g} ({result.pvalue_method})"
        )
    print(f"\nten WEATs: {total:.2f} s of compute; {LIMIT / total:.0f} times below {LIMIT:.0f} s")
    cold, _ = timed(lambda: audit(EXTRACT, "weat"))
    print(f"audit(), loading suite and vectors: {cold:.2f} s")


if __name__ == "__main__":
    main()
