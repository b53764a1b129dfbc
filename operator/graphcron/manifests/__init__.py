"""The desired state: the CronJobs, Jobs and pods of a GraphCron. Pure."""
