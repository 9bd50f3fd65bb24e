"""Console: the register. Calls, their artifacts, where these lie, and the people in them (without a value)."""

from __future__ import annotations

from compliance.recordings.admin.artifacts import ArtifactAdmin
from compliance.recordings.admin.calls import CallAdmin
from compliance.recordings.admin.downloads import DownloadAdmin
from compliance.recordings.admin.outside import OutsideCheckAdmin
from compliance.recordings.admin.subjects import DataSubjectAdmin

__all__ = ["ArtifactAdmin", "CallAdmin", "DataSubjectAdmin", "DownloadAdmin", "OutsideCheckAdmin"]
