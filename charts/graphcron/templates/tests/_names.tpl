{{/* Name of all that helm test makes, also of the Service at which its stand-in for a LangGraph server is found. */}}
{{- define "graphcron.testName" -}}
{{- printf "%s-test" (include "graphcron.fullname" .) -}}
{{- end -}}

{{/* Namespace in which helm test makes its GraphCron: one that the operator serves. */}}
{{- define "graphcron.testNamespace" -}}
{{- $default := ternary (first .Values.watchNamespaces) (include "graphcron.namespace" .) (eq (include "graphcron.listedNamespaces" .) "true") -}}
{{- .Values.test.namespace | default $default -}}
{{- end -}}

{{/* The chart's labels but for the name: no selector of the operator's is to find what the test makes. */}}
{{- define "graphcron.testLabels" -}}
{{- $name := dict "app.kubernetes.io/name" (printf "%s-test" (include "graphcron.name" .)) -}}
{{- toYaml (merge $name (include "graphcron.labels" . | fromYaml)) -}}
{{- end -}}

{{/* Annotations of what helm test needs before its pod; called with the weight. */}}
{{- define "graphcron.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
