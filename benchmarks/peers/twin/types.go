package main

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// groupVersion is what stands in "apiVersion:" of a GraphCron.
var groupVersion = schema.GroupVersion{Group: "graphcron.dev", Version: "v1alpha1"}

// GraphCron is a schedule of runs, as far as the twin knows it.
//
// +kubebuilder:object:root=true
type GraphCron struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   GraphCronSpec   `json:"spec,omitempty"`
	Status GraphCronStatus `json:"status,omitempty"`
}

// GraphCronList is what the API server lists.
//
// +kubebuilder:object:root=true
type GraphCronList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []GraphCron `json:"items"`
}

// GraphCronSpec is what users ask for. Free JSON stays as it came: a few bytes, and not a tree of maps.
//
// +kubebuilder:object:generate=true
type GraphCronSpec struct {
	Assistant               string          `json:"assistant"`
	Schedule                string          `json:"schedule,omitempty"`
	TimeZone                string          `json:"timeZone,omitempty"`
	Input                   json.RawMessage `json:"input,omitempty"`
	Config                  json.RawMessage `json:"config,omitempty"`
	Context                 json.RawMessage `json:"context,omitempty"`
	Metadata                json.RawMessage `json:"metadata,omitempty"`
	OnRunCompleted          string          `json:"onRunCompleted,omitempty"`
	Suspend                 bool            `json:"suspend,omitempty"`
	ConcurrencyPolicy       string          `json:"concurrencyPolicy,omitempty"`
	StartingDeadlineSeconds *int64          `json:"startingDeadlineSeconds,omitempty"`
	TimeoutSeconds          *int64          `json:"timeoutSeconds,omitempty"`
	History                 *History        `json:"history,omitempty"`
	Server                  *Server         `json:"server,omitempty"`
	Runner                  *Runner         `json:"runner,omitempty"`
}

// History says how much of the past is kept.
//
// +kubebuilder:object:generate=true
type History struct {
	Successful *int32 `json:"successful,omitempty"`
	Failed     *int32 `json:"failed,omitempty"`
	Runs       *int32 `json:"runs,omitempty"`
}

// Server is the LangGraph server that the runs go to.
//
// +kubebuilder:object:generate=true
type Server struct {
	URL string `json:"url,omitempty"`
}

// Runner is what is special about the pods.
//
// +kubebuilder:object:generate=true
type Runner struct {
	Image        string            `json:"image,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	Tolerations  json.RawMessage   `json:"tolerations,omitempty"`
}

// GraphCronStatus is what the operator has seen. A merge patch leaves fields that are not listed here as they are.
//
// +kubebuilder:object:generate=true
type GraphCronStatus struct {
	ObservedGeneration  int64              `json:"observedGeneration,omitempty"`
	Conditions          []metav1.Condition `json:"conditions,omitempty"`
	Schedule            string             `json:"schedule,omitempty"`
	Schedules           []string           `json:"schedules,omitempty"`
	TimeZone            string             `json:"timeZone,omitempty"`
	NextScheduleTime    *metav1.Time       `json:"nextScheduleTime,omitempty"`
	NextScheduleTimes   []metav1.Time      `json:"nextScheduleTimes,omitempty"`
	LastScheduleTime    *metav1.Time       `json:"lastScheduleTime,omitempty"`
	LastSuccessfulTime  *metav1.Time       `json:"lastSuccessfulTime,omitempty"`
	LastFailureTime     *metav1.Time       `json:"lastFailureTime,omitempty"`
	ConsecutiveFailures int64              `json:"consecutiveFailures,omitempty"`
	Active              []ActiveRun        `json:"active,omitempty"`
	RecentRuns          []RecentRun        `json:"recentRuns,omitempty"`
	CronJobs            []AppliedCronJob   `json:"cronJobs,omitempty"`
	CheckedUntil        *metav1.Time       `json:"checkedUntil,omitempty"`
}

// ActiveRun is a run that is under way.
//
// +kubebuilder:object:generate=true
type ActiveRun struct {
	Job           string      `json:"job"`
	ScheduledTime metav1.Time `json:"scheduledTime"`
}

// RecentRun is a run that has ended, or an occurrence that was skipped.
//
// +kubebuilder:object:generate=true
type RecentRun struct {
	ScheduledTime   metav1.Time  `json:"scheduledTime"`
	Outcome         string       `json:"outcome"`
	Reason          string       `json:"reason,omitempty"`
	Message         string       `json:"message,omitempty"`
	Job             string       `json:"job,omitempty"`
	RunID           string       `json:"runId,omitempty"`
	ThreadID        string       `json:"threadId,omitempty"`
	StartTime       *metav1.Time `json:"startTime,omitempty"`
	DurationSeconds *float64     `json:"durationSeconds,omitempty"`
	Attempts        *int64       `json:"attempts,omitempty"`
	Tokens          *int64       `json:"tokens,omitempty"`
	TokensAtLeast   *bool        `json:"tokensAtLeast,omitempty"`
	Cost            string       `json:"cost,omitempty"`
}

// AppliedCronJob is a CronJob as the operator last wrote it.
//
// +kubebuilder:object:generate=true
type AppliedCronJob struct {
	Name       string `json:"name"`
	Generation int64  `json:"generation"`
}

func addToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(groupVersion, &GraphCron{}, &GraphCronList{})
	metav1.AddToGroupVersion(scheme, groupVersion)
	return nil
}
