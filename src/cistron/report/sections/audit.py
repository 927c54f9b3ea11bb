"""Every check of the split."""

from __future__ import annotations

from cistron import figures
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.splits.audit.check import applying
from cistron.splits.search.nearest import COVERED


def audit(content: Content) -> Shown | None:
    """Show every check of the split; None where there was no audit."""
    if not content.audit:
        return None
    checks = applying(dict(content.audit))
    details = {check["name"]: check.get("details") or {} for check in checks}
    bins = details.get("similar_sequences", {}).get("bins")
    return {
        "checks": checks,
        "split": content.audit.get("split") or {},
        "covered": f"{COVERED:.0%}",
        "bins": figures.identity_bins(bins) if bins else None,
    }


AUDIT = ReportSection("audit", "Audit of the split", "Audit", audit, "sections/audit.html")
