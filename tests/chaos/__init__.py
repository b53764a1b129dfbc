"""Chaos: GraphCrons on a real cluster and a real LangGraph server, with random faults between, and a judge."""
