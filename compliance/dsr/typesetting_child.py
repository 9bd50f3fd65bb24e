"""The child of `typesetting`: a job as JSON in, a PDF out. Knows nothing of the rest of the house."""

import json
import sys
from datetime import UTC, datetime

import typst


def main() -> None:
    """Set one document."""
    job = json.load(sys.stdin)
    pdf = typst.compile(
        job["source"].encode(),
        format="pdf",
        sys_inputs={"facts": job["facts"]},
        pdf_standards=["a-3b"],
        timestamp=datetime.fromtimestamp(job["timestamp"], UTC),
        ignore_system_fonts=True,
    )
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
