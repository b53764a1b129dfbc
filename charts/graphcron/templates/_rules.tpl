{{/* All that the operator does in a namespace, and nothing else: no Secrets, nothing of the user's but the status, and a
GraphRun past its time to live. */}}
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
  # A server-side apply is a patch, and a create where there is nothing yet. A line that has left spec.schedules takes
  # its CronJob along.
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  # It creates those that no schedule makes: a manual run, a catch-up run, a preflight. It deletes those that a
  # sidecar keeps open after a run has succeeded, and those that get no pod and are in the way of the next run.
  verbs: [list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  # A pod that a sidecar keeps running after its run has failed gets a deadline.
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [events]
  # It lists those of a Job that has no pod: they say why.
  verbs: [create, list]
{{- end -}}

{{/* "true" where the chart makes objects of the whole cluster for people: they go with the CRDs. */}}
{{- define "graphcron.wholeCluster" -}}
{{- if or .Values.crds.enabled (not (include "graphcron.listedNamespaces" .)) -}}true{{- end -}}
{{- end -}}

{{/* Whom a binding is for. */}}
{{- define "graphcron.subjects" -}}
- kind: ServiceAccount
  name: {{ include "graphcron.serviceAccountName" . }}
  namespace: {{ include "graphcron.namespace" . }}
{{- end -}}

{{/* What people may do, called with a list of verbs. Nobody but the operator writes the status. */}}
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
