"""Whether a run could start: server, key, assistant, thread and input."""
