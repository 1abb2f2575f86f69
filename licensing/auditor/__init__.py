"""The offline audit of an audit pack, by code that shares nothing with what writes packs but the specification.

    report = audit(Path("audit-acme-2026-11.zip"), log_key="intaglio.example/ledger+1b2c3d4e+AYx...")
    for finding in report.findings:
        print(finding)                        # place and sentence

It needs Python's library and `cryptography`. The same from a shell, without the rest of this distribution:

    python -m intaglio.licensing.auditor audit-acme-2026-11.zip

What is checked is in spec/audit-pack.md, spec/log.md, spec/ledger.md and spec/royalties.md; what that proves,
and what it does not, is in the report itself.
"""

from intaglio.licensing.auditor.auditing import audit
from intaglio.licensing.auditor.findings import Finding, Report
from intaglio.licensing.auditor.pictures import PictureFound

__all__ = ["Finding", "PictureFound", "Report", "audit"]
