"""Links to the runs of a GraphCron in a web interface."""

from collections.abc import Iterable

from graphcron.api.run_url import run_url
from graphcron.api.v1alpha1 import GraphCron, RecentRun, RunTemplate
from graphcron.settings import Settings


def link_template(spec: RunTemplate, settings: Settings) -> str:
    """Return the template of links; the operator's default applies to the operator's default server only.

    Parameters
    ----------
    spec
        With its server resolved.
    """
    server = spec.server
    return (server and server.ui_url) or ("" if server and server.url else settings.ui_url)


def with_links(runs: Iterable[RecentRun], graphcron: GraphCron, settings: Settings) -> list[RecentRun]:
    """Return runs with the links of the current template, which may have changed since they were listed."""
    metadata, template = graphcron.metadata, link_template(graphcron.spec, settings)

    def link(run: RecentRun) -> str | None:
        return run_url(
            template,
            thread_id=run.thread_id,
            run_id=run.run_id,
            assistant=graphcron.spec.assistant,
            namespace=metadata.namespace or "",
            name=metadata.name,
        )

    return [run.model_copy(update={"url": link(run)}) for run in runs]
