"""`python -m compliance.disclosure`: the check of prompts without Django and without a database.

`--transcripts` checks calls, `--measure` scores labelled cases, `--check-pack` looks a language pack over.
"""

from __future__ import annotations

import sys

from compliance.disclosure import commandline

if __name__ == "__main__":
    commandline.main(sys.argv[1:])
