package main

import (
	"slices"
	"time"

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	nextTimes    = 5                // how many of the next times are told
	jobSlack     = 30 * time.Second // how long after the start deadline a Job may still come to our eyes
	afterDue     = 15 * time.Second // how long after a due time the next times are told anew
	readyMessage = "The CronJob matches the spec."
)

// observed is all that a status is made from.
type observed struct {
	graphcron *GraphCron
	cronJob   *batchv1.CronJob // as the cache has it; nil where it has none
	applied   *batchv1.CronJob // as it is now; nil where it could not be made
	jobs      []batchv1.Job
	pods      []corev1.Pod
	problem   *problem // nil: all is well
	now       time.Time
}

// problem is what a person must change.
type problem struct{ reason, message string }

func (found *problem) Error() string { return found.message }

// statusFor makes the status, and says which runs it tells for the first time.
func statusFor(seen observed) (GraphCronStatus, []RecentRun) {
	previous, spec := seen.graphcron.Status, &seen.graphcron.Spec
	told := tell(previous, seen.jobs, seen.pods, int(*spec.history().Runs))
	status := previous
	status.ObservedGeneration = seen.graphcron.Generation
	status.Conditions = conditionsFor(seen, told.runs)
	status.Active = activeRuns(seen.jobs, told.over)
	status.RecentRuns = told.runs
	status.ConsecutiveFailures = failuresInARow(previous.ConsecutiveFailures, told.fresh)
	status.LastScheduleTime = lastScheduleTime(seen)
	status.LastSuccessfulTime = latestEnd(previous.LastSuccessfulTime, seen, told.fresh, isSuccess)
	status.LastFailureTime = latestEnd(previous.LastFailureTime, seen, told.fresh, isFailure)
	if seen.problem != nil {
		status.NextScheduleTimes = slices.DeleteFunc(slices.Clone(previous.NextScheduleTimes), func(each metav1.Time) bool {
			return !each.After(seen.now)
		})
		status.NextScheduleTime = first(status.NextScheduleTimes)
		return status, told.fresh
	}
	status.Schedule, status.Schedules, status.TimeZone = spec.Schedule, []string{spec.Schedule}, spec.timeZone()
	status.NextScheduleTimes = nextScheduleTimes(spec, seen.now)
	status.NextScheduleTime = first(status.NextScheduleTimes)
	status.CronJobs = []AppliedCronJob{{Name: seen.applied.Name, Generation: seen.applied.Generation}}
	if _, found := inForce(spec, seen.cronJob); found && !equality.Semantic.DeepEqual(previous, status) {
		// Told only along with something else: by itself it is not worth a write.
		checked := inSeconds(seen.now.Add(-time.Duration(spec.deadline())*time.Second - jobSlack))
		status.CheckedUntil = later(previous.CheckedUntil, checked)
	}
	return status, told.fresh
}

// conditionsFor says whether the spec is reconciled, and how the last run ended.
func conditionsFor(seen observed, runs []RecentRun) []metav1.Condition {
	ready := metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Reconciled", Message: readyMessage}
	conditions := []metav1.Condition{ready}
	switch {
	case seen.problem != nil:
		conditions[0].Status = metav1.ConditionFalse
		conditions[0].Reason, conditions[0].Message = seen.problem.reason, seen.problem.message
		stalled := conditions[0]
		stalled.Type, stalled.Status = "Stalled", metav1.ConditionTrue
		conditions = append(conditions, stalled)
	case seen.graphcron.Spec.Suspend:
		conditions[0].Reason, conditions[0].Message = "Suspended", "No new runs start: spec.suspend is set."
	}
	conditions = append(conditions, lastRun(runs))
	for index := range conditions {
		each := &conditions[index]
		each.ObservedGeneration = seen.graphcron.Generation
		each.LastTransitionTime = *inSeconds(seen.now)
		for _, before := range seen.graphcron.Status.Conditions {
			if before.Type == each.Type && before.Status == each.Status {
				each.LastTransitionTime = before.LastTransitionTime
			}
		}
	}
	return conditions
}

func lastRun(runs []RecentRun) metav1.Condition {
	at := slices.IndexFunc(runs, func(run RecentRun) bool { return run.Outcome != skipped })
	condition := metav1.Condition{
		Type: "LastRunSucceeded", Status: metav1.ConditionUnknown, Reason: "NoRunYet", Message: "No run has finished yet.",
	}
	if at < 0 {
		return condition
	}
	run := runs[at]
	condition.Reason = run.Outcome
	condition.Message = "Run of " + rfc3339(run.ScheduledTime.Time) + ": " + orElse(run.Message, run.Outcome) + "."
	switch {
	case isSuccess(run):
		condition.Status = metav1.ConditionTrue
	case isFailure(run):
		condition.Status = metav1.ConditionFalse
	}
	return condition
}

func isSuccess(run RecentRun) bool { return run.Outcome == succeeded }

func isFailure(run RecentRun) bool {
	return run.Outcome != succeeded && !slices.Contains(neitherGoodNorBad, run.Outcome)
}

func failuresInARow(before int64, fresh []RecentRun) int64 {
	for _, run := range fresh {
		if isSuccess(run) {
			before = 0
		} else if isFailure(run) {
			before++
		}
	}
	return before
}

// timesOf returns the spec's schedule and zone; an error names the field that is wrong.
func timesOf(spec *GraphCronSpec) (cron.Schedule, *time.Location, error) {
	schedule, err := cron.ParseStandard(spec.Schedule)
	if err != nil {
		return nil, nil, invalid("spec.schedule: %v", err)
	}
	zone, err := time.LoadLocation(spec.timeZone())
	if err != nil {
		return nil, nil, invalid("spec.timeZone: %v", err)
	}
	return schedule, zone, nil
}

func nextScheduleTimes(spec *GraphCronSpec, now time.Time) []metav1.Time {
	schedule, zone, err := timesOf(spec)
	if err != nil || spec.Suspend {
		return nil
	}
	var times []metav1.Time
	for moment := schedule.Next(now.In(zone)); !moment.IsZero() && len(times) < nextTimes; moment = schedule.Next(moment) {
		times = append(times, metav1.NewTime(moment.UTC()))
	}
	return times
}

func lastScheduleTime(seen observed) *metav1.Time {
	latest := seen.graphcron.Status.LastScheduleTime
	for index := range seen.jobs {
		moment := scheduledTime(&seen.jobs[index])
		latest = later(latest, &moment)
	}
	if seen.cronJob != nil {
		latest = later(latest, seen.cronJob.Status.LastScheduleTime)
	}
	return latest
}

// latestEnd returns when the newest run of a kind ended, as was known when it was told first: that is its pod's end.
func latestEnd(previous *metav1.Time, seen observed, fresh []RecentRun, isOfKind func(RecentRun) bool) *metav1.Time {
	latest := previous
	for _, run := range fresh {
		if !isOfKind(run) {
			continue
		}
		end := &metav1.Time{Time: seen.now}
		for index := range seen.jobs {
			if job := &seen.jobs[index]; job.Name == run.Job && finishedAt(job) != nil {
				end = finishedAt(job)
			}
		}
		for index := range seen.pods {
			pod := &seen.pods[index]
			if pod.Labels[batchv1.JobNameLabel] == run.Job && len(pod.Status.ContainerStatuses) > 0 {
				if ended := pod.Status.ContainerStatuses[0].State.Terminated; ended != nil {
					end = &ended.FinishedAt
				}
			}
		}
		latest = later(latest, end)
	}
	return latest
}

// later returns the later of two moments, of which either may be missing.
func later(one, other *metav1.Time) *metav1.Time {
	if one == nil || (other != nil && one.Before(other)) {
		return other
	}
	return one
}

func first(times []metav1.Time) *metav1.Time {
	if len(times) == 0 {
		return nil
	}
	return &times[0]
}

// inSeconds returns a moment as the API server keeps it.
func inSeconds(moment time.Time) *metav1.Time {
	cut := metav1.NewTime(moment.UTC().Truncate(time.Second))
	return &cut
}
