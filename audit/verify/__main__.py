"""Checks an exported or served log, a proof or a certificate, and says what it did not check.

Exit codes: 0 verified, 10 not fresh, 20 incomplete, 30 forked, 40 invalid, 64 wrong usage.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from audit.tlog import checkpoint
from audit.tlog.errors import FormatError
from audit.verify import check

USAGE_ERROR = 64


class _Parser(argparse.ArgumentParser):
    """Leaves with 64 (EX_USAGE), so that 2 cannot be taken for a finding."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m audit.verify", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("target", help="directory, .tar, .zip, .tlog-proof, statement, checkpoint, or address of a log")
    parser.add_argument("--key", action="append", required=True, type=_vkey, help="verifier key of the log; may repeat")
    parser.add_argument("--root-key", action="append", default=[], type=_vkey, help="verifier key of the root log")
    parser.add_argument("--old", type=Path, help="a checkpoint of this log that you kept; the log must continue it")
    parser.add_argument("--entry", type=Path, help="the bytes of the entry that a .tlog-proof is about")
    parser.add_argument("--max-age", type=float, metavar="SECONDS", help="how old the latest evidence may be")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser


def _vkey(text: str) -> checkpoint.VerifierKey:
    try:
        return checkpoint.VerifierKey.parse(text)
    except FormatError as error:
        raise argparse.ArgumentTypeError(f"not a verifier key: {error}") from error


def _progress(done: int, size: int) -> None:
    sys.stderr.write(f"{done:,} of {size:,} entries\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the verifier; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        trust = check.Trust(
            keys=tuple(options.key),
            root_keys=tuple(options.root_key),
            kept=options.old and options.old.read_text(encoding="utf-8"),
            entry=options.entry and options.entry.read_bytes(),
            max_age=options.max_age,
        )
        report = check.verify(options.target, trust, _progress)
    except (OSError, UnicodeDecodeError) as error:
        parser.error(str(error))
    output = json.dumps(report.to_json(), indent=2, ensure_ascii=False) + "\n" if options.json else report.to_text()
    sys.stdout.write(output)
    return int(report.outcome)


if __name__ == "__main__":
    sys.exit(main())
