"""What is to be done for one GraphCron, given its spec and what the cache holds. Pure."""
