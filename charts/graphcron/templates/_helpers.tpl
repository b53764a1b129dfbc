{{/* Value of the label app.kubernetes.io/name. */}}
{{- define "graphcron.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{/* Name of every object of the chart: the release's, including "graphcron". */}}
{{- define "graphcron.fullname" -}}
{{- $name := include "graphcron.name" . -}}
{{- $made := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $made | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Namespace of the operator. */}}
{{- define "graphcron.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{/* Selector of the operator's pod; it must never change within a release. */}}
{{- define "graphcron.selectorLabels" -}}
app.kubernetes.io/name: {{ include "graphcron.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "graphcron.labels" -}}
{{ include "graphcron.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "graphcron.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "graphcron.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* An image with its digest or tag; called with a dict of "image" and "root". */}}
{{- define "graphcron.image" -}}
{{- $name := .image.repository -}}
{{- with .root.Values.global.imageRegistry | default .image.registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) $name -}}
{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Names of pull secrets as a JSON list, the global ones first; called with a dict of "secrets" and "root". */}}
{{- define "graphcron.pullSecrets" -}}
{{- $names := list -}}
{{- range concat (.root.Values.global.imagePullSecrets | default list) .secrets -}}
{{- if kindIs "map" . }}{{ $names = append $names .name }}{{ else }}{{ $names = append $names . }}{{ end -}}
{{- end -}}
{{- $names | uniq | toJson -}}
{{- end -}}

{{/* imagePullSecrets of a pod of the operator's image. */}}
{{- define "graphcron.imagePullSecrets" -}}
{{- with include "graphcron.pullSecrets" (dict "secrets" .Values.imagePullSecrets "root" .) | fromJsonArray -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* "true" if watchNamespaces has only plain names: the operator then needs no ClusterRole. */}}
{{- define "graphcron.listedNamespaces" -}}
{{- if and .Values.watchNamespaces (not (regexMatch "[*?!]" (join "," .Values.watchNamespaces))) -}}true{{- end -}}
{{- end -}}

{{/* "true" if an object of the Prometheus Operator is enabled and its CRD exists; called with a dict of "kind", "values" and "root". */}}
{{- define "graphcron.monitors" -}}
{{- if .values.enabled -}}
{{- $known := .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) -}}
{{- if or $known (eq .values.renderMode "alwaysRender") -}}
true
{{- else if eq .values.renderMode "failIfMissing" -}}
{{- $value := printf "%s%s" (lower (substr 0 1 .kind)) (substr 1 -1 .kind) -}}
{{- fail (printf "%s.enabled is true, but the cluster has no kind %s: install the Prometheus Operator's CRDs, or set %s.renderMode=skipIfMissing" $value .kind $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* URL of the fake server of `helm test`. */}}
{{- define "graphcron.testServer" -}}
{{- printf "http://%s-test.%s.svc:8080" (include "graphcron.fullname" .) (include "graphcron.namespace" .) -}}
{{- end -}}
