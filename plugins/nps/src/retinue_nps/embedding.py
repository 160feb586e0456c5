"""Putting a survey into other pages: a row of scores that needs nothing, and a frame for the sites that may have one."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from retinue import Store
from retinue_nps.models import Survey
from retinue_nps.questions import bounds_of, words_for
from retinue_nps.service import edition_of

_SITE: Final = re.compile(r"https://[a-z0-9.-]+(?::[0-9]{1,5})?")


def snippets(store: Store, survey: Survey, link: str) -> dict[str, str]:
    """Return HTML to paste: `row` has a link for each score, without scripts; `frame` shows the survey within a page."""
    edition = edition_of(store, survey)
    _, words = words_for(edition.texts, edition.language, edition.language)
    measured = next((one for one in edition.questions if one["kind"] == edition.measure), None)
    if measured is None:
        row = f'<p><a href="{escape(link)}">{escape(words["title"])}</a></p>'
    else:
        least, most = bounds_of(measured)
        scores = " ".join(
            f'<a href="{escape(link)}?score={number}">{number}</a>' for number in range(least, most + 1)
        )
        row = f"<p>{escape(words['questions'][measured['key']]['text'])}</p>\n<p>{scores}</p>"
    title = escape(words["title"])
    frame = f'<iframe src="{escape(link)}" title="{title}" width="100%" height="640"></iframe>'
    return {"row": row, "frame": frame if frame_sites(store) else ""}


def frame_sites(store: Store) -> list[str]:
    """Return the sites that may show a survey within their pages; what is no ``https://`` host is left out."""
    return [one for one in str(store.settings("nps")["frame_sites"]).lower().split() if _SITE.fullmatch(one)]
