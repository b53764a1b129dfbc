"""Plans what to do for one GraphCron, from its spec and its objects in the cache. Pure."""
