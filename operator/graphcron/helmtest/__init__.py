"""The program of ``helm test``: a GraphCron that runs once, end to end, and is deleted again.

``python -m graphcron.helmtest`` needs an operator that serves the namespace, and nothing else: without an assistant of
the user's it is the LangGraph server itself.
"""
