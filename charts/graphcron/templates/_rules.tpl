{{/* All that the operator does in a namespace, and nothing else: no Secrets, nothing of the user's but the status. */}}
{{- define "graphcron.rules" -}}
- apiGroups: [graphcron.dev]
  resources: [graphcrons, graphservers]
  verbs: [list, watch]
- apiGroups: [graphcron.dev]
  resources: [graphcrons/status, graphservers/status]
  verbs: [update]
- apiGroups: [batch]
  resources: [cronjobs]
  # A server-side apply is a patch, and a create where there is nothing yet. A line that has left spec.schedules takes
  # its CronJob along.
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  # It creates those that no schedule makes: a run now, a run that is made up for, a preflight. It deletes those that a
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

{{/* Whom a binding is for. */}}
{{- define "graphcron.subjects" -}}
- kind: ServiceAccount
  name: {{ include "graphcron.serviceAccountName" . }}
  namespace: {{ include "graphcron.namespace" . }}
{{- end -}}

{{/* What people may do, called with a list of verbs. Nobody but the operator writes the status. */}}
{{- define "graphcron.peoplesRules" -}}
- apiGroups: [graphcron.dev]
  resources: [graphcrons, graphservers]
  verbs: {{ toJson . }}
- apiGroups: [graphcron.dev]
  resources: [graphcrons/status, graphservers/status]
  verbs: [get]
{{- end -}}
