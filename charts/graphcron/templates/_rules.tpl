{{/* The permissions that the operator uses in a namespace: no Secrets, and of the objects of users only the status, and the
deletion of GraphRuns past their ttlSecondsAfterFinished. */}}
{{- define "graphcron.rules" -}}
- apiGroups: [graphcron.dev]
  resources: [graphcrons, graphruns, graphservers]
  verbs: [list, watch]
- apiGroups: [graphcron.dev]
  resources: [graphruns]
  # It deletes those that are past their ttlSecondsAfterFinished.
  verbs: [delete]
- apiGroups: [graphcron.dev]
  resources: [graphcrons/status, graphruns/status, graphservers/status]
  verbs: [update]
- apiGroups: [batch]
  resources: [cronjobs]
  # A server-side apply is a patch. The CronJob of a line that was removed from spec.schedules is deleted.
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  # It creates Jobs outside the schedule: manual runs, catch-up runs, preflights. It deletes Jobs that a sidecar keeps
  # open after a successful run, and Jobs without a pod that block the next run.
  verbs: [list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  # A pod that a sidecar keeps running after its run has failed gets a deadline.
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [events]
  # The Events of a Job without a pod contain the reason.
  verbs: [create, list]
{{- end -}}

{{/* "true" if the chart creates cluster-wide objects for users: they belong to the CRDs. */}}
{{- define "graphcron.wholeCluster" -}}
{{- if or .Values.crds.enabled (not (include "graphcron.listedNamespaces" .)) -}}true{{- end -}}
{{- end -}}

{{/* Subjects of a binding. */}}
{{- define "graphcron.subjects" -}}
- kind: ServiceAccount
  name: {{ include "graphcron.serviceAccountName" . }}
  namespace: {{ include "graphcron.namespace" . }}
{{- end -}}

{{/* Permissions of users, called with a list of verbs. Only the operator writes the status. */}}
{{- define "graphcron.peoplesRules" -}}
- apiGroups: [graphcron.dev]
  resources: [graphcrons, graphruns, graphservers]
  verbs: {{ toJson . }}
- apiGroups: [graphcron.dev]
  resources: [graphcrons/status, graphruns/status, graphservers/status]
  verbs: [get]
{{- end -}}

{{/* Whether the operator serves a request's namespace, in CEL; called with watchNamespaces. */}}
{{- define "graphcron.watched" -}}
{{- $served := list }}
{{- $left := list }}
{{- range . }}
{{- $pattern := trimPrefix "!" . | regexQuoteMeta | replace "\\*" ".*" | replace "\\?" "." | printf "^%s$" }}
{{- if hasPrefix "!" . }}{{ $left = append $left $pattern }}{{ else }}{{ $served = append $served $pattern }}{{ end }}
{{- end }}
{{- $served = $served | default (list "^.*$") -}}
{{ toJson $served }}.exists(p, request.namespace.matches(p)){{ with $left }} && !{{ toJson . }}.exists(p, request.namespace.matches(p)){{ end }}
{{- end -}}
