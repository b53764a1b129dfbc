{{/* Name of all objects of helm test, including the Service of its fake LangGraph server. */}}
{{- define "graphcron.testName" -}}
{{- printf "%s-test" (include "graphcron.fullname" .) -}}
{{- end -}}

{{/* Namespace in which helm test creates its GraphCron: one that the operator serves. */}}
{{- define "graphcron.testNamespace" -}}
{{- $default := ternary (first .Values.watchNamespaces) (include "graphcron.namespace" .) (eq (include "graphcron.listedNamespaces" .) "true") -}}
{{- .Values.test.namespace | default $default -}}
{{- end -}}

{{/* The chart's labels with another name, so that no selector of the operator matches the objects of the test. */}}
{{- define "graphcron.testLabels" -}}
{{- $name := dict "app.kubernetes.io/name" (printf "%s-test" (include "graphcron.name" .)) -}}
{{- toYaml (merge $name (include "graphcron.labels" . | fromYaml)) -}}
{{- end -}}

{{/* Annotations of the objects that helm test needs before its pod; called with the weight. */}}
{{- define "graphcron.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
