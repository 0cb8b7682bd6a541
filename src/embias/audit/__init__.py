"""The only place where encoders, stimuli and metrics meet."""

from embias.audit.inputs import check_settings
from embias.audit.run import audit, audit_pairs

__all__ = ["audit", "audit_pairs", "check_settings"]
