"""Looks at an actor or a post as a peer would, and says what would go wrong with whom.

Everything is asked through the guarded client; nothing is stored and nothing is sent but GETs.
"""

from fedblog.doctor.examination import examine
from fedblog.doctor.findings import Finding, Level, Report

__all__ = ["Finding", "Level", "Report", "examine"]
