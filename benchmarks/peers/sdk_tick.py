"""One tick by langgraph-sdk: a thread, a run on it, its end."""

import sys

from langgraph_sdk import get_sync_client

client = get_sync_client(url=sys.argv[1])
thread = client.threads.create()
client.runs.wait(thread["thread_id"], "agent", input={"messages": []})
