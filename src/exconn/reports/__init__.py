"""Reports for people: pages that need no network and no script, and text for tickets."""

from exconn.reports.markdown import markdown
from exconn.reports.overview import overview
from exconn.reports.report import html
from exconn.reports.words import title

__all__ = ["html", "markdown", "overview", "title"]
