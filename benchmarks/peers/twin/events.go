package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// eventsFor tells runs that have ended, and Ready where it is new or has a new reason.
//
// They are posted one by one under names of their own, as GraphCron's operator does it, and not by a recorder, which
// drops what comes too fast: the two shall write the same.
func eventsFor(graphcron *GraphCron, status GraphCronStatus, fresh []RecentRun, now time.Time) []*corev1.Event {
	var events []*corev1.Event
	for _, run := range fresh {
		message := "Run of " + rfc3339(run.ScheduledTime.Time) + ": " + orElse(run.Message, "outcome "+run.Outcome)
		isNormal := run.Outcome == succeeded || run.Outcome == skipped
		events = append(events, eventOf(graphcron, isNormal, run.Outcome, message, run.Job, now))
	}
	ready := status.Conditions[0]
	if len(graphcron.Status.Conditions) == 0 && ready.Status == metav1.ConditionTrue {
		return events // a new one that is well is no event
	}
	for _, before := range graphcron.Status.Conditions {
		if before.Type == ready.Type && before.Status == ready.Status && before.Reason == ready.Reason {
			return events
		}
	}
	key := ready.Type + "/" + ready.Reason + "/" + rfc3339(ready.LastTransitionTime.Time)
	isNormal := ready.Status == metav1.ConditionTrue
	return append(events, eventOf(graphcron, isNormal, ready.Reason, ready.Message, key, now))
}

func eventOf(graphcron *GraphCron, isNormal bool, reason, message, key string, now time.Time) *corev1.Event {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(graphcron.UID), reason, key}, "/")))
	kind := corev1.EventTypeNormal
	if !isNormal {
		kind = corev1.EventTypeWarning
	}
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: graphcron.Namespace, Name: graphcron.Name + "." + hex.EncodeToString(sum[:])[:16],
		},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: groupVersion.String(), Kind: "GraphCron",
			Namespace: graphcron.Namespace, Name: graphcron.Name, UID: graphcron.UID,
		},
		Type: kind, Reason: reason, Message: message,
		Source:         corev1.EventSource{Component: "graphcron-operator"},
		FirstTimestamp: metav1.NewTime(now), LastTimestamp: metav1.NewTime(now), Count: 1,
	}
}
