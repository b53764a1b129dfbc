package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const fieldOwner = client.FieldOwner("graphcron")

// Reconciler makes the CronJob of a GraphCron, and tells in its status what became of the runs.
type Reconciler struct {
	client.Client

	reader   client.Reader // past the cache
	settings Settings
	now      func() time.Time
}

func (r *Reconciler) setUp(mgr ctrl.Manager) error {
	ownerByLabel := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []reconcile.Request {
		name := types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetLabels()[labelName]}
		return []reconcile.Request{{NamespacedName: name}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		For(&GraphCron{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Owns(&batchv1.CronJob{}, builder.WithPredicates(cronJobMatters())).
		Watches(&batchv1.Job{}, ownerByLabel, builder.WithPredicates(jobMatters())).
		Watches(&corev1.Pod{}, ownerByLabel, builder.WithPredicates(podMatters())).
		Complete(r)
}

// Reconcile brings one GraphCron up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var graphcron GraphCron
	if err := r.Get(ctx, request.NamespacedName, &graphcron); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if graphcron.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	seen, err := r.look(ctx, &graphcron)
	if err != nil {
		return ctrl.Result{}, err
	}
	seen.applied, err = r.makeCronJob(ctx, seen)
	if err != nil && !errors.As(err, &seen.problem) {
		return ctrl.Result{}, err
	}
	status, fresh := statusFor(seen)
	if err := r.tell(ctx, seen, status, fresh); err != nil {
		return ctrl.Result{}, err
	}
	if status.NextScheduleTime == nil {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{RequeueAfter: status.NextScheduleTime.Sub(seen.now) + afterDue}, nil
}

// look reads all that the cache has of a GraphCron.
func (r *Reconciler) look(ctx context.Context, graphcron *GraphCron) (observed, error) {
	seen := observed{graphcron: graphcron, now: r.now()}
	var cronJob batchv1.CronJob
	switch err := r.Get(ctx, client.ObjectKeyFromObject(graphcron), &cronJob); {
	case err == nil:
		seen.cronJob = &cronJob
	case !apierrors.IsNotFound(err):
		return seen, err
	}
	var jobs batchv1.JobList
	var pods corev1.PodList
	ofThis := []client.ListOption{
		client.InNamespace(graphcron.Namespace),
		client.MatchingFields{byOwner: string(graphcron.UID)},
		client.DisableReadYourWritesConsistency, // we never write any
	}
	if err := r.List(ctx, &jobs, ofThis...); err != nil {
		return seen, err
	}
	if err := r.List(ctx, &pods, ofThis...); err != nil {
		return seen, err
	}
	for _, job := range jobs.Items {
		if job.Labels[labelPurpose] == "" {
			seen.jobs = append(seen.jobs, job)
		}
	}
	for _, pod := range pods.Items {
		if pod.Labels[labelPurpose] == "" {
			seen.pods = append(seen.pods, pod)
		}
	}
	return seen, nil
}

// makeCronJob makes the CronJob what the spec wants, and returns it as it is then. What a person must change is a
// *problem.
func (r *Reconciler) makeCronJob(ctx context.Context, seen observed) (*batchv1.CronJob, error) {
	graphcron, known := seen.graphcron, seen.cronJob
	if _, _, err := timesOf(&graphcron.Spec); err != nil {
		return nil, err
	}
	manifest, err := cronJobFor(graphcron, r.settings, known, seen.now)
	if err != nil {
		return nil, err
	}
	if known != nil && !belongsTo(known, graphcron) {
		return nil, notOurs(graphcron.Name)
	}
	if known != nil && isInPlace(manifest, known, graphcron.Status) {
		return known, nil
	}
	if known == nil && !r.settings.Applies {
		return r.create(ctx, manifest)
	}
	options := []client.PatchOption{fieldOwner}
	if known != nil {
		if err := r.upgradeManagedFields(ctx, known); err != nil {
			return nil, err
		}
		// With its UID in the patch, an apply never makes a CronJob anew nor touches a successor of that name.
		manifest["metadata"].(object)["uid"] = string(known.UID)
		options = append(options, client.ForceOwnership)
	}
	applied := &batchv1.CronJob{ObjectMeta: metav1.ObjectMeta{Namespace: graphcron.Namespace, Name: graphcron.Name}}
	switch err := r.Patch(ctx, applied, client.RawPatch(types.ApplyPatchType, compact(manifest)), options...); {
	case apierrors.IsConflict(err) && known == nil:
		return nil, notOurs(graphcron.Name)
	case err != nil:
		return nil, rejected(err)
	}
	return applied, nil
}

// create makes a CronJob by a POST, which costs the API server less than an apply.
func (r *Reconciler) create(ctx context.Context, manifest object) (*batchv1.CronJob, error) {
	var made batchv1.CronJob
	if err := json.Unmarshal(compact(manifest), &made); err != nil {
		return nil, err
	}
	switch err := r.Create(ctx, &made, fieldOwner); {
	case apierrors.IsAlreadyExists(err):
		return nil, notOurs(made.Name)
	case err != nil:
		return nil, rejected(err)
	}
	return &made, nil
}

// upgradeManagedFields lets an apply remove what a POST has set.
func (r *Reconciler) upgradeManagedFields(ctx context.Context, known *batchv1.CronJob) error {
	if r.settings.Applies {
		return nil
	}
	var live batchv1.CronJob
	if err := r.reader.Get(ctx, client.ObjectKeyFromObject(known), &live); err != nil {
		return err
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(&live, sets.New(string(fieldOwner)), string(fieldOwner))
	if err != nil || patch == nil {
		return err
	}
	return r.Patch(ctx, &live, client.RawPatch(types.JSONPatchType, patch))
}

// rejected turns what a person must change into a *problem.
func rejected(err error) error {
	if apierrors.IsInvalid(err) {
		return invalid("spec: the API server rejects the CronJob: %v", err)
	}
	return err
}

// isInPlace tells whether a CronJob holds this manifest, and nobody has changed it since.
func isInPlace(manifest object, seen *batchv1.CronJob, status GraphCronStatus) bool {
	metadata := manifest["metadata"].(object)
	wanted := map[string]string{}
	for name, value := range metadata["labels"].(object) {
		wanted[name] = value.(string)
	}
	untouched := len(status.CronJobs) == 1 && status.CronJobs[0].Generation == seen.Generation
	applied := metadata["annotations"].(object)[annotationApplied]
	return untouched && metav1.GetControllerOf(seen) != nil && maps.Equal(seen.Labels, wanted) &&
		seen.Annotations[annotationApplied] == applied
}

func belongsTo(cronJob *batchv1.CronJob, graphcron *GraphCron) bool {
	if controller := metav1.GetControllerOfNoCopy(cronJob); controller != nil {
		return controller.UID == graphcron.UID
	}
	return cronJob.Labels[labelUID] == string(graphcron.UID)
}

// tell writes the status if it differs, and posts the Events that say what has changed.
func (r *Reconciler) tell(ctx context.Context, seen observed, status GraphCronStatus, fresh []RecentRun) error {
	graphcron := seen.graphcron
	if equality.Semantic.DeepEqual(graphcron.Status, status) {
		return nil
	}
	// Without the spec, which a write of the status leaves alone; with the version, so that nobody else's is lost.
	after := &GraphCron{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: graphcron.Namespace, Name: graphcron.Name, UID: graphcron.UID,
			ResourceVersion: graphcron.ResourceVersion,
		},
		Status: status,
	}
	if err := r.Status().Update(ctx, after, fieldOwner); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !r.settings.Events {
		return nil
	}
	for _, event := range eventsFor(graphcron, status, fresh, seen.now) {
		// Our watches show no Events, so nothing must wait until they do.
		err := r.Create(ctx, event, fieldOwner, client.DisableReadYourWritesConsistency)
		if err != nil && !apierrors.IsAlreadyExists(err) && !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func invalid(format string, arguments ...any) *problem {
	return &problem{reason: "InvalidSpec", message: fmt.Sprintf(format, arguments...) + "."}
}

func notOurs(name string) *problem {
	return &problem{
		reason:  "CronJobNotOurs",
		message: "a CronJob named " + name + " exists and does not belong to this GraphCron",
	}
}
