"""GraphCron: schedules LangGraph runs as Kubernetes resources. Imports nothing, so that the runner starts fast."""
