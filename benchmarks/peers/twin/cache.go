package main

import (
	"context"
	"maps"
	"slices"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

const (
	labelManagedBy = "app.kubernetes.io/managed-by"
	managedBy      = "graphcron"
	labelName      = "graphcron.dev/name"
	labelUID       = "graphcron.dev/uid"
	labelPurpose   = "graphcron.dev/purpose"
	labelJobName   = "batch.kubernetes.io/job-name"

	annotationApplied            = "graphcron.dev/applied"
	annotationScheduleSince      = "graphcron.dev/schedule-since"
	annotationScheduleKey        = "graphcron.dev/schedule-key"
	annotationRanSince           = "graphcron.dev/ran-since"
	annotationScheduledTimestamp = "batch.kubernetes.io/cronjob-scheduled-timestamp"
)

var (
	keptLabels = []string{labelManagedBy, labelName, labelUID, labelPurpose, labelJobName}

	keptAnnotations = []string{
		annotationApplied, annotationScheduleSince, annotationScheduleKey, annotationRanSince,
		annotationScheduledTimestamp,
	}
)

// byOwner is the index of Jobs and pods by the UID of their GraphCron. Without it, a list by label looks at all.
const byOwner = "graphcron.dev/owner"

// cacheOptions have the API server send only what is ours, and keep of it only what is read.
func cacheOptions() cache.Options {
	ours := labels.SelectorFromSet(labels.Set{labelManagedBy: managedBy})
	return cache.Options{
		// Nobody changes what the cache hands out.
		DefaultUnsafeDisableDeepCopy: ptr.To(true),
		ByObject: map[client.Object]cache.ByObject{
			&GraphCron{}:       {Transform: slim},
			&batchv1.CronJob{}: {Label: ours, Transform: slim},
			&batchv1.Job{}:     {Label: ours, Transform: slim},
			&corev1.Pod{}:      {Label: ours, Transform: slim},
		},
	}
}

// slim keeps of an object what the reconciler reads.
func slim(object any) (any, error) {
	switch seen := object.(type) {
	case *GraphCron:
		seen.ManagedFields = nil
		delete(seen.Annotations, corev1.LastAppliedConfigAnnotation)
	case *batchv1.CronJob:
		return &batchv1.CronJob{
			ObjectMeta: slimMeta(seen.ObjectMeta),
			Spec:       batchv1.CronJobSpec{Suspend: seen.Spec.Suspend},
			Status:     batchv1.CronJobStatus{LastScheduleTime: seen.Status.LastScheduleTime},
		}, nil
	case *batchv1.Job:
		status := batchv1.JobStatus{Conditions: seen.Status.Conditions, CompletionTime: seen.Status.CompletionTime}
		return &batchv1.Job{ObjectMeta: slimMeta(seen.ObjectMeta), Status: status}, nil
	case *corev1.Pod:
		return &corev1.Pod{ObjectMeta: slimMeta(seen.ObjectMeta), Status: slimPodStatus(seen.Status)}, nil
	}
	return object, nil
}

func slimMeta(meta metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:              meta.Name,
		Namespace:         meta.Namespace,
		UID:               meta.UID,
		ResourceVersion:   meta.ResourceVersion,
		Generation:        meta.Generation,
		CreationTimestamp: meta.CreationTimestamp,
		DeletionTimestamp: meta.DeletionTimestamp,
		Labels:            only(keptLabels, meta.Labels),
		Annotations:       only(keptAnnotations, meta.Annotations),
		OwnerReferences:   meta.OwnerReferences,
	}
}

// slimPodStatus keeps how the pod's one container ended.
func slimPodStatus(status corev1.PodStatus) corev1.PodStatus {
	kept := corev1.PodStatus{Phase: status.Phase}
	if len(status.ContainerStatuses) > 0 {
		if ended := status.ContainerStatuses[0].State.Terminated; ended != nil {
			state := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: ended.Message}}
			kept.ContainerStatuses = []corev1.ContainerStatus{{State: state}}
		}
	}
	return kept
}

func only(keys []string, values map[string]string) map[string]string {
	kept := map[string]string{}
	for _, key := range keys {
		if value, found := values[key]; found {
			kept[key] = value
		}
	}
	return kept
}

// indexByOwner lets the reconciler ask for the Jobs and pods of one GraphCron.
func indexByOwner(ctx context.Context, indexer client.FieldIndexer) error {
	owner := func(object client.Object) []string { return []string{object.GetLabels()[labelUID]} }
	if err := indexer.IndexField(ctx, &batchv1.Job{}, byOwner, owner); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &corev1.Pod{}, byOwner, owner)
}

// A CronJob that is made was made by us; what the CronJob controller writes on it, its Job tells too.
func cronJobMatters() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(update event.UpdateEvent) bool {
			old, now := update.ObjectOld, update.ObjectNew
			return old.GetGeneration() != now.GetGeneration() ||
				!maps.Equal(old.GetLabels(), now.GetLabels()) ||
				!maps.Equal(old.GetAnnotations(), now.GetAnnotations()) ||
				!equality.Semantic.DeepEqual(old.GetOwnerReferences(), now.GetOwnerReferences())
		},
	}
}

func jobMatters() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(update event.UpdateEvent) bool {
			old, now := update.ObjectOld.(*batchv1.Job), update.ObjectNew.(*batchv1.Job)
			return !equality.Semantic.DeepEqual(old.Status, now.Status)
		},
	}
}

// A pod matters once it has ended.
func podMatters() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(create event.CreateEvent) bool { return hasEnded(create.Object.(*corev1.Pod)) },
		UpdateFunc: func(update event.UpdateEvent) bool {
			old, now := update.ObjectOld.(*corev1.Pod), update.ObjectNew.(*corev1.Pod)
			return hasEnded(now) && !equality.Semantic.DeepEqual(old.Status, now.Status)
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}

func hasEnded(pod *corev1.Pod) bool {
	return isTerminal(pod) || len(pod.Status.ContainerStatuses) > 0
}

func isTerminal(pod *corev1.Pod) bool {
	return slices.Contains([]corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed}, pod.Status.Phase)
}
