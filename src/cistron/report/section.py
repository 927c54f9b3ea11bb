"""What a section of a run's page is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jinja2 import Template

from cistron.base.domains import Domain
from cistron.report.read import Content

Shown = dict[str, object]
"""What the fragment of a section needs, by name."""


@dataclass(frozen=True)
class ReportSection:
    """A section of the page of a run.

    Parameters
    ----------
    name : str
        What links lead to: `#name`.
    title : str
        Its heading, which may name what is shown: "Second target: {name}".
    link : str
        What the link to it says, written like the title.
    show : callable
        What the run's files hold → what the fragment needs; None where the run has nothing of it.
    template : str or Template
        The fragment below the heading: a file in `templates`, or a template. It knows `shown`,
        `content` and the macros of `macros.html`.
    link_before : str
        The section before whose link its own stands; empty where it stands in the order of the
        page.
    first_of : Domain, optional
        What its page begins with this section of.
    """

    name: str
    title: str
    link: str
    show: Callable[[Content], Shown | None]
    template: str | Template
    link_before: str = ""
    first_of: Domain | None = None
