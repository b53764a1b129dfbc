package main

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Outcomes of a run that the twin treats apart from others.
const (
	succeeded     = "Succeeded"
	internalError = "InternalError"
	interrupted   = "Interrupted"
	cancelled     = "Cancelled"
	skipped       = "Skipped"
	stopped       = "Stopped"
	timedOut      = "Timeout"
)

var (
	outcomes = []string{
		succeeded, internalError, interrupted, cancelled, skipped, stopped, timedOut,
		"GraphError", "OverBudget", "Rejected", "ServerUnreachable",
	}
	neitherGoodNorBad = []string{interrupted, skipped, stopped, cancelled}
)

// report is what a pod leaves as its termination message.
type report struct {
	Outcome         string       `json:"outcome"`
	Message         string       `json:"message"`
	Reason          string       `json:"reason"`
	RunID           string       `json:"runId"`
	ThreadID        string       `json:"threadId"`
	StartTime       *metav1.Time `json:"startTime"`
	DurationSeconds *float64     `json:"durationSeconds"`
	Attempts        *int64       `json:"attempts"`
	Tokens          *int64       `json:"tokens"`
	TokensAtLeast   *bool        `json:"tokensAtLeast"`
	Cost            string       `json:"cost"`
}

// told is what is known of the occurrences that are over.
type told struct {
	runs  []RecentRun // the newest first
	fresh []RecentRun // those that were not known before, the oldest first
	over  map[string]bool
}

// tell says what became of the occurrences, from their Jobs and pods and from what was told before.
func tell(previous GraphCronStatus, jobs []batchv1.Job, pods []corev1.Pod, limit int) told {
	known, fresh := map[int64]RecentRun{}, map[int64]RecentRun{}
	for _, run := range previous.RecentRuns {
		known[run.ScheduledTime.Unix()] = run
	}
	ended := endedRuns(jobs, pods)
	result := told{over: map[string]bool{}}
	for _, run := range ended {
		result.over[run.Job] = true
	}
	for _, run := range append(ended, vanished(previous, jobs, pods)...) {
		at := run.ScheduledTime.Unix()
		before, found := known[at]
		if (found && rank(before) >= rank(run)) || isPast(run, previous.RecentRuns, limit) {
			continue
		}
		known[at], fresh[at] = run, run
	}
	result.runs, result.fresh = inOrder(known), inOrder(fresh)
	slices.Reverse(result.runs)
	result.runs = result.runs[:min(limit, len(result.runs))]
	return result
}

func inOrder(runs map[int64]RecentRun) []RecentRun {
	list := make([]RecentRun, 0, len(runs))
	for _, run := range runs {
		list = append(list, run)
	}
	slices.SortFunc(list, func(a, b RecentRun) int { return a.ScheduledTime.Compare(b.ScheduledTime.Time) })
	return list
}

// isPast tells of a run that is older than a full list: it was told, and its Job is still there.
func isPast(run RecentRun, listed []RecentRun, limit int) bool {
	return len(listed) >= limit && run.ScheduledTime.Before(&listed[len(listed)-1].ScheduledTime)
}

// rank says which of two reports of one occurrence is believed.
func rank(run RecentRun) int {
	switch run.Outcome {
	case stopped, internalError:
		return 0
	case skipped:
		return 2
	}
	return 3
}

func endedRuns(jobs []batchv1.Job, pods []corev1.Pod) []RecentRun {
	byJob := podsByJob(pods)
	var runs []RecentRun
	for index := range jobs {
		job := &jobs[index]
		own := byJob[job.Name]
		delete(byJob, job.Name)
		finished := endOf(job) != nil
		switch found := bestReport(own); {
		case found != nil && (finished || isLastWord(found.Outcome)):
			runs = append(runs, runOf(job.Name, scheduledTime(job), found))
		case found == nil && finished && !slices.ContainsFunc(own, stillGoing):
			runs = append(runs, runOf(job.Name, scheduledTime(job), withoutWord(job)))
		}
	}
	// A Job that was deleted while it ran leaves its pod for a moment: its last word counts.
	for name, own := range byJob {
		if found := bestReport(own); found != nil {
			runs = append(runs, runOf(name, timeOfName(name, own[0].CreationTimestamp), found))
		}
	}
	return runs
}

func stillGoing(pod *corev1.Pod) bool { return !isTerminal(pod) }

// podsByJob groups pods, the newest first.
func podsByJob(pods []corev1.Pod) map[string][]*corev1.Pod {
	groups := map[string][]*corev1.Pod{}
	for index := range pods {
		job := pods[index].Labels[labelJobName]
		groups[job] = append(groups[job], &pods[index])
	}
	for _, group := range groups {
		slices.SortFunc(group, func(a, b *corev1.Pod) int {
			return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
		})
	}
	return groups
}

// bestReport returns the newest report that says how a run ended; one that only says "stopped" where there is no other.
func bestReport(pods []*corev1.Pod) *report {
	var first *report
	for _, pod := range pods {
		found := reportOf(pod)
		if found != nil && found.Outcome != stopped {
			return found
		}
		if first == nil {
			first = found
		}
	}
	return first
}

func reportOf(pod *corev1.Pod) *report {
	if len(pod.Status.ContainerStatuses) == 0 {
		return nil
	}
	var read report
	text := pod.Status.ContainerStatuses[0].State.Terminated.Message
	if json.Unmarshal([]byte(text), &read) != nil || !slices.Contains(outcomes, read.Outcome) {
		return nil
	}
	return &read
}

// isLastWord tells of an outcome after which the Job starts no other pod.
func isLastWord(outcome string) bool { return outcome != internalError && outcome != stopped }

// withoutWord says what can be said of a Job whose pods left no report.
func withoutWord(job *batchv1.Job) *report {
	end := endOf(job)
	switch {
	case end.Type == batchv1.JobComplete:
		return &report{Outcome: succeeded}
	case end.Reason == batchv1.JobReasonDeadlineExceeded:
		return &report{Outcome: timedOut, Reason: end.Reason, Message: "The Job exceeded its deadline."}
	}
	message := "The Job failed (" + orElse(end.Reason, "no reason given") + ") and no pod left a report."
	return &report{Outcome: internalError, Reason: "PodLost", Message: message}
}

// vanished tells of Jobs that were active and are gone without a word.
func vanished(previous GraphCronStatus, jobs []batchv1.Job, pods []corev1.Pod) []RecentRun {
	var runs []RecentRun
	for _, active := range previous.Active {
		isThere := slices.ContainsFunc(jobs, func(job batchv1.Job) bool { return job.Name == active.Job }) ||
			slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return pod.Labels[labelJobName] == active.Job }) ||
			slices.ContainsFunc(previous.RecentRuns, func(run RecentRun) bool {
				return run.Job == active.Job || run.ScheduledTime.Equal(&active.ScheduledTime)
			})
		if !isThere {
			gone := report{
				Outcome: stopped, Reason: "JobGone", Message: "its Job was deleted, and the outcome of the run is unknown",
			}
			runs = append(runs, runOf(active.Job, active.ScheduledTime, &gone))
		}
	}
	return runs
}

// activeRuns lists the Jobs that have not finished, the newest first; without those whose pods have told the end.
func activeRuns(jobs []batchv1.Job, over map[string]bool) []ActiveRun {
	var runs []ActiveRun
	for index := range jobs {
		if job := &jobs[index]; endOf(job) == nil && !over[job.Name] {
			runs = append(runs, ActiveRun{Job: job.Name, ScheduledTime: scheduledTime(job)})
		}
	}
	slices.SortFunc(runs, func(a, b ActiveRun) int { return b.ScheduledTime.Compare(a.ScheduledTime.Time) })
	return runs
}

func runOf(job string, scheduled metav1.Time, found *report) RecentRun {
	return RecentRun{
		ScheduledTime: scheduled, Outcome: found.Outcome, Reason: found.Reason, Message: found.Message, Job: job,
		RunID: found.RunID, ThreadID: found.ThreadID, StartTime: found.StartTime,
		DurationSeconds: found.DurationSeconds, Attempts: found.Attempts, Tokens: found.Tokens,
		TokensAtLeast: found.TokensAtLeast, Cost: found.Cost,
	}
}

// endOf returns the condition that says how a Job ended; nil while it goes on.
func endOf(job *batchv1.Job) *batchv1.JobCondition {
	for index := range job.Status.Conditions {
		each := &job.Status.Conditions[index]
		if each.Status == corev1.ConditionTrue && (each.Type == batchv1.JobComplete || each.Type == batchv1.JobFailed) {
			return each
		}
	}
	return nil
}

func finishedAt(job *batchv1.Job) *metav1.Time {
	if job.Status.CompletionTime != nil {
		return job.Status.CompletionTime
	}
	if end := endOf(job); end != nil {
		return &end.LastTransitionTime
	}
	return nil
}

func scheduledTime(job *batchv1.Job) metav1.Time {
	if moment, err := time.Parse(time.RFC3339, job.Annotations[annotationScheduledTimestamp]); err == nil {
		return metav1.NewTime(moment)
	}
	return timeOfName(job.Name, job.CreationTimestamp)
}

// timeOfName reads the scheduled time from the name of a CronJob's Job, whose last part is the unix minute.
func timeOfName(job string, otherwise metav1.Time) metav1.Time {
	minute, err := strconv.ParseUint(job[strings.LastIndexByte(job, '-')+1:], 10, 32)
	if err != nil {
		return otherwise
	}
	return metav1.Unix(int64(minute)*60, 0)
}
