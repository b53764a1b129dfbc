"""The LangGraph API over HTTP, with bounded answers and no retries."""
