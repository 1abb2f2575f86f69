"""``python -m intaglio.licensing.auditor PACK``: the audit without the rest of the distribution.

Exit codes: 0 sound, 1 something was found, 2 unreadable or wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from intaglio.errors import AuditFailed
from intaglio.licensing.auditor.auditing import audit
from intaglio.licensing.auditor.kept import read_kept
from intaglio.licensing.auditor.words import lines


def main(arguments: list[str] | None = None) -> int:
    """Audit one pack, print the report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m intaglio.licensing.auditor", description=__doc__)
    parser.add_argument("pack", type=Path, help="the zip file, or a folder with the same files")
    parser.add_argument("--key", help="verifier key of the log, as its operator published it")
    help_ = "a checkpoint, or an earlier pack, that you kept; may be given several times"
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help=help_)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        kept = [read_kept(path) for path in options.checkpoint]
        report = audit(options.pack, log_key=options.key, checkpoints=kept)
    except AuditFailed as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = [json.dumps(report.to_json(), indent=2, ensure_ascii=False)] if options.json else lines(report)
    sys.stdout.writelines(f"{line}\n" for line in text)
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
