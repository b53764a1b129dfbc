"""Links to a run in a web interface, such as LangSmith, from a template with placeholders. Pure.

The operator, the CLI and the runner never connect to such a URL. A template is an http or https URL whose placeholders
stand behind the host, and the values are percent-encoded, so a link has the host of its template.
"""

import re
from typing import Final
from urllib.parse import quote

PLACEHOLDERS: Final = ("threadId", "runId", "assistant", "namespace", "name")
"""What a template can contain between braces."""

MAX_LENGTH: Final = 1024
"""Maximum length of a template."""

PLACEHOLDER_PATTERN: Final = rf"\{{({'|'.join(PLACEHOLDERS)})\}}"
"""A placeholder, in what RE2 and Python's ``re`` have in common."""

_PLACEHOLDER: Final = re.compile(PLACEHOLDER_PATTERN)


def run_url(
    template: str | None, *, thread_id: str | None, run_id: str | None, assistant: str | None, namespace: str, name: str
) -> str | None:
    """Return the link to a run.

    Parameters
    ----------
    template
        A valid template; None or empty: there is none.
    thread_id, run_id, assistant
        None or empty: unknown.
    namespace, name
        Of the GraphCron or GraphRun.

    Returns
    -------
    str or None
        None: there is no template or no run, or the template needs a value that is unknown.
    """
    if not template or not (thread_id or run_id):
        return None
    values = dict(zip(PLACEHOLDERS, (thread_id, run_id, assistant, namespace, name), strict=True))
    if not all(values[each] for each in _PLACEHOLDER.findall(template)):
        return None
    return _PLACEHOLDER.sub(lambda found: quote(values[found[1]] or "", safe=""), template)
