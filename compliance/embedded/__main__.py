"""`python3 -m compliance.embedded run|demo|install|clean`: works with the system's Python and nothing else."""

from __future__ import annotations

import sys

# Said before anything is imported that an older Python cannot read.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"Callwarden needs Python 3.11 or newer; this is {sys.version.split()[0]}.")

from compliance.embedded import commands

sys.exit(commands.main(sys.argv[1:]))
