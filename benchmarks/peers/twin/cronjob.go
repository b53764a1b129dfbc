package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"
)

type object = map[string]any

// Values of a GraphCron that leaves them out.
const (
	defaultTimeZone = "Etc/UTC"
	defaultPolicy   = "Forbid"
	defaultDeadline = 120
	defaultTimeout  = 7 * 24 * 3600
	defaultHistory  = 3
	defaultRuns     = 10
)

func (spec *GraphCronSpec) timeZone() string { return orElse(spec.TimeZone, defaultTimeZone) }

func (spec *GraphCronSpec) policy() string { return orElse(spec.ConcurrencyPolicy, defaultPolicy) }

func (spec *GraphCronSpec) deadline() int64 {
	return ptr.Deref(spec.StartingDeadlineSeconds, defaultDeadline)
}

func (spec *GraphCronSpec) history() History {
	kept := ptr.Deref(spec.History, History{})
	return History{
		Successful: ptr.To(ptr.Deref(kept.Successful, defaultHistory)),
		Failed:     ptr.To(ptr.Deref(kept.Failed, defaultHistory)),
		Runs:       ptr.To(ptr.Deref(kept.Runs, defaultRuns)),
	}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func labelsFor(graphcron *GraphCron) object {
	return object{labelManagedBy: managedBy, labelName: graphcron.Name, labelUID: string(graphcron.UID)}
}

// scheduleKey changes with whatever makes a schedule take effect anew.
func scheduleKey(spec *GraphCronSpec, suspended bool) string {
	return digest([]any{spec.Schedule, spec.timeZone(), suspended})
}

// inForce tells since when the schedule has been in force as it is, where it has been.
func inForce(spec *GraphCronSpec, seen *batchv1.CronJob) (since string, found bool) {
	if seen == nil || seen.Annotations[annotationScheduleSince] == "" {
		return "", false
	}
	switch key := seen.Annotations[annotationScheduleKey]; {
	case key == scheduleKey(spec, false) && !ptr.Deref(seen.Spec.Suspend, false):
		return seen.Annotations[annotationScheduleSince], true
	case key == scheduleKey(spec, true):
		since, found = seen.Annotations[annotationRanSince]
		return since, found
	}
	return "", false
}

// cronJobFor returns the CronJob that a GraphCron wants.
//
// It is what GraphCron's operator makes, to the byte, its hash included: either can be started on objects that the
// other has made, and finds nothing to write.
func cronJobFor(graphcron *GraphCron, settings Settings, seen *batchv1.CronJob, now time.Time) (object, error) {
	spec := &graphcron.Spec
	key := scheduleKey(spec, spec.Suspend)
	since := rfc3339(now.Add(time.Second - time.Nanosecond)) // what was due within this second is before it
	if seen != nil && seen.Annotations[annotationScheduleKey] == key && seen.Annotations[annotationScheduleSince] != "" {
		since = seen.Annotations[annotationScheduleSince]
	}
	annotations := object{annotationScheduleKey: key, annotationScheduleSince: since}
	if ran, found := inForce(spec, seen); found && spec.Suspend {
		annotations[annotationRanSince] = ran
	}
	request, err := requestFor(graphcron, settings, since)
	if err != nil {
		return nil, err
	}
	job, err := jobSpecFor(graphcron, settings, request)
	if err != nil {
		return nil, err
	}
	owner := object{
		"apiVersion": groupVersion.String(), "kind": "GraphCron", "name": graphcron.Name, "uid": string(graphcron.UID),
		"controller": true,
	}
	history := spec.history()
	manifest := object{
		"apiVersion": "batch/v1",
		"kind":       "CronJob",
		"metadata": object{
			"name":            graphcron.Name,
			"namespace":       graphcron.Namespace,
			"labels":          labelsFor(graphcron),
			"annotations":     annotations,
			"ownerReferences": []any{owner},
		},
		"spec": object{
			"schedule":                   spec.Schedule,
			"timeZone":                   spec.timeZone(),
			"suspend":                    spec.Suspend,
			"concurrencyPolicy":          map[bool]string{true: "Forbid", false: "Allow"}[spec.policy() == "Forbid"],
			"startingDeadlineSeconds":    spec.deadline(),
			"successfulJobsHistoryLimit": *history.Successful,
			"failedJobsHistoryLimit":     *history.Failed,
			"jobTemplate": object{
				"metadata": object{"labels": labelsFor(graphcron)},
				"spec":     job,
			},
		},
	}
	annotations[annotationApplied] = digest(manifest)
	return manifest, nil
}

func jobSpecFor(graphcron *GraphCron, settings Settings, request string) (object, error) {
	template, err := podTemplateFor(graphcron, settings, request)
	job := object{
		"backoffLimit":         6,
		"podReplacementPolicy": "Failed",
		"podFailurePolicy": object{"rules": []any{
			object{
				"action":          "Ignore",
				"onPodConditions": []any{object{"type": "DisruptionTarget", "status": "True"}},
			},
			object{
				"action": "FailJob",
				"onExitCodes": object{
					"containerName": "runner", "operator": "In", "values": []any{10, 11, 12, 13, 14, 15, 16, 17},
				},
			},
		}},
		"template": template,
	}
	limit := ptr.Deref(graphcron.Spec.TimeoutSeconds, defaultTimeout)
	job["activeDeadlineSeconds"] = limit + graphcron.Spec.deadline() + 120
	return job, err
}

func podTemplateFor(graphcron *GraphCron, settings Settings, request string) (object, error) {
	runner := ptr.Deref(graphcron.Spec.Runner, Runner{})
	labels, annotations := object{}, object{}
	for name, value := range runner.Labels {
		labels[name] = value
	}
	maps.Copy(labels, labelsFor(graphcron))
	for name, value := range runner.Annotations {
		annotations[name] = value
	}
	pod := podSpecFor(graphcron, orElse(runner.Image, settings.RunnerImage), request)
	if runner.NodeSelector != nil {
		pod["nodeSelector"] = runner.NodeSelector
	}
	err := addFreeJSON(pod, "tolerations", runner.Tolerations)
	return object{"metadata": object{"labels": labels, "annotations": annotations}, "spec": pod}, err
}

func podSpecFor(graphcron *GraphCron, image, request string) object {
	container := object{
		"name":  "runner",
		"image": image,
		"env": []any{
			envValue("GRAPHCRON_NAMESPACE", graphcron.Namespace),
			envValue("GRAPHCRON_NAME", graphcron.Name),
			envValue("GRAPHCRON_UID", string(graphcron.UID)),
			envValue("GRAPHCRON_REQUEST", request),
			envField("GRAPHCRON_JOB", "metadata.labels['"+labelJobName+"']"),
			envField("GRAPHCRON_POD_UID", "metadata.uid"),
		},
		"resources": object{
			"requests": object{"cpu": "10m", "memory": "32Mi"}, "limits": object{"memory": "128Mi"},
		},
		"securityContext": object{
			"allowPrivilegeEscalation": false,
			"readOnlyRootFilesystem":   true,
			"capabilities":             object{"drop": []any{"ALL"}},
		},
	}
	return object{
		"restartPolicy":                 "Never",
		"automountServiceAccountToken":  false,
		"enableServiceLinks":            false,
		"shareProcessNamespace":         true,
		"terminationGracePeriodSeconds": 30,
		"readinessGates":                []any{object{"conditionType": "graphcron.dev/accepts-traffic"}},
		"securityContext": object{
			"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
			"seccompProfile": object{"type": "RuntimeDefault"},
		},
		"containers": []any{container},
	}
}

func envValue(name, value string) object {
	return object{"name": name, "value": strings.ReplaceAll(value, "$", "$$")} // the kubelet expands "$(NAME)"
}

func envField(name, path string) object {
	return object{"name": name, "valueFrom": object{"fieldRef": object{"fieldPath": path}}}
}

// requestFor returns what the pod is asked to do, as JSON without what has its default.
func requestFor(graphcron *GraphCron, settings Settings, since string) (string, error) {
	spec := &graphcron.Spec
	url := ptr.Deref(spec.Server, Server{}).URL
	request := object{"url": orElse(url, settings.ServerURL), "assistant": spec.Assistant, "notBefore": since}
	if request["url"] == "" {
		return "", invalid("spec.server.url: no LangGraph server is named, and the operator has no default")
	}
	run := object{}
	for name, text := range map[string]json.RawMessage{
		"config": spec.Config, "context": spec.Context, "metadata": spec.Metadata,
	} {
		if err := addFreeJSON(run, name, text); err != nil {
			return "", err
		}
	}
	if len(run) > 0 {
		request["run"] = run
	}
	if err := addFreeJSON(request, "input", spec.Input); err != nil {
		return "", err
	}
	if policy := spec.policy(); policy != defaultPolicy {
		request["concurrencyPolicy"] = policy
	}
	if deadline := spec.deadline(); deadline != defaultDeadline {
		request["startingDeadlineSeconds"] = deadline
	}
	if spec.TimeoutSeconds != nil {
		request["timeoutSeconds"] = *spec.TimeoutSeconds
	}
	if done := spec.OnRunCompleted; done != "" && done != "delete" {
		request["onRunCompleted"] = done
	}
	text := compact(request)
	if len(text) > 100*1024 {
		return "", invalid("spec.input: the request is %d bytes, and 102400 fit into a pod's environment", len(text))
	}
	return string(text), nil
}

// addFreeJSON adds a member as a value, so that it is written like the others: keys in order, few escapes.
func addFreeJSON(to object, name string, text json.RawMessage) error {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return invalid("spec.%s: %v", name, err)
	}
	to[name] = value
	return nil
}

// compact writes JSON with keys in order, no blanks, and no escapes that it does not need.
func compact(value any) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("not to be written as JSON: %v", err)) // all that comes here is made of maps and texts
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// digest returns the short hash of a value that GraphCron's operator has for it: of JSON as Python writes it.
func digest(value any) string {
	sum := sha256.Sum256(spaced(compact(value)))
	return hex.EncodeToString(sum[:])[:16]
}

// spaced turns compact JSON into what Python's json.dumps writes: a blank after "," and ":", and all in ASCII.
func spaced(text []byte) []byte {
	result := make([]byte, 0, len(text)+len(text)/8)
	quoted := false
	for at := 0; at < len(text); {
		character, size := utf8.DecodeRune(text[at:])
		switch {
		case quoted && character == '\\':
			size = 2 // what is escaped stays so
			result = append(result, text[at:at+size]...)
		case character >= utf8.RuneSelf:
			for _, unit := range utf16.AppendRune(nil, character) {
				result = fmt.Appendf(result, `\u%04x`, unit)
			}
		default:
			result = append(result, byte(character))
			if character == '"' {
				quoted = !quoted
			} else if !quoted && (character == ',' || character == ':') {
				result = append(result, ' ')
			}
		}
		at += size
	}
	return result
}

func rfc3339(moment time.Time) string { return moment.UTC().Format(time.RFC3339) }
