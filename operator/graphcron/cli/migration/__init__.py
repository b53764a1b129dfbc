"""Crons of a LangGraph server as GraphCrons."""
