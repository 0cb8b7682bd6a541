"""The only place where encoders, stimuli and metrics meet."""

from embias.audit.inputs import check_settings
from embias.audit.levels import compare_levels
from embias.audit.report_card import report_card
from embias.audit.run import audit, audit_pairs
from embias.audit.sweep import readings, sweep

__all__ = [
    "audit",
    "audit_pairs",
    "check_settings",
    "compare_levels",
    "readings",
    "report_card",
    "sweep",
]
