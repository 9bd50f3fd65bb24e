"""The figures of the design, measured: `python -m tests.bench`. One module a family of rows."""
