"""GraphCron: schedules LangGraph runs as Kubernetes resources. Imports nothing, so that the runner starts fast."""

__version__ = "0.1.0"
