"""Failed claims of the office are shown with their values, as a test's own are."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.walks.office")
