"""The program in the pod: starts one graph run on a LangGraph server, follows it to its end and reports.

Only :mod:`graphcron.contract` and the standard library are imported here, and of that only what is cheap:
a pod starts for each run.
"""
