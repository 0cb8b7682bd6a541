"""The only place where encoders, stimuli and metrics meet."""

from embias.audit.inputs import check_settings
from embias.audit.levels import compare_levels
from embias.audit.removal import Removal, remove_concept
from embias.audit.run import audit, audit_pairs
from embias.audit.sweep import readings, sweep
from embias.audit.transform_report import report_card

__all__ = [
    "Removal",
    "audit",
    "audit_pairs",
    "check_settings",
    "compare_levels",
    "readings",
    "remove_concept",
    "report_card",
    "sweep",
]
