"""The systems that the program calls: Kubernetes through kubectl, and LangGraph servers."""
