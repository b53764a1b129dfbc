{{/* The operator's settings as variables; an omitted one has the operator's default. */}}
{{- define "graphcron.environment" -}}
{{- $v := .Values -}}
{{- $settings := dict
  "RUNNER_IMAGE" (include "graphcron.image" (dict "image" $v.runner.image "root" .))
  "RUNNER_IMAGE_PULL_POLICY" $v.runner.image.pullPolicy
  "NAMESPACES" (join "," $v.watchNamespaces)
  "SERVER_URL" $v.server.url
  "UI_URL" ($v.server.uiUrl | replace "$" "$$")
  "LOG_LEVEL" $v.log.level
  "LOG_FORMAT" $v.log.format
  "HEALTH_PORT" "8080"
  "MAX_CONCURRENT_PREFLIGHTS" $v.preflight.maxConcurrent
  "DEFAULT_TIMEOUT_SECONDS" ($v.runner.defaultTimeoutSeconds | int)
-}}
{{- with include "graphcron.pullSecrets" (dict "secrets" $v.runner.imagePullSecrets "root" .) | fromJsonArray }}
{{- $_ := set $settings "RUNNER_IMAGE_PULL_SECRETS" (join "," .) }}
{{- end }}
{{- $defaults := dict }}
{{- range list "labels" "annotations" "nodeSelector" "tolerations" "affinity" "serviceAccountName" "priorityClassName" }}
{{- $name := . }}
{{- with index $v.runner $name }}{{ $_ := set $defaults $name . }}{{ end }}
{{- end }}
{{- with $defaults }}{{ $_ := set $settings "RUNNER_DEFAULTS" (toJson . | replace "$" "$$") }}{{ end }}
{{- with $v.runner.resources }}{{ $_ := set $settings "RUNNER_RESOURCES" (toJson .) }}{{ end }}
{{- with $v.allowedServers }}
{{- range append . $v.server.url | compact }}
{{- if not (regexMatch "^https?://[^/]*[.\\[]" .) }}
{{- fail (printf "%s is relative: without a dot it is a Service in the namespace of each GraphCron, where others may create it; with allowedServers write such as http://langgraph.agents.svc:8000" .) }}
{{- end }}
{{- end }}
{{- $_ := set $settings "ALLOWED_SERVERS" (append . (include "graphcron.testServer" $) | toJson) }}
{{- end }}
{{- range $name, $value := dict
  "allowedAnnotations" $v.runner.allowedAnnotations
  "allowedLabels" $v.runner.allowedLabels
  "allowedServiceAccounts" $v.runner.allowedServiceAccounts
}}
{{- if and $value (not $v.allowedServers) }}
{{- fail (printf "runner.%s is set, but allowedServers is empty: GraphCrons may use any; set allowedServers, too" $name) }}
{{- end }}
{{- with $value }}{{ $_ := set $settings ($name | snakecase | upper) (toJson .) }}{{ end }}
{{- end }}
{{- if $v.server.apiKeySecret.name }}
{{- $_ := set $settings "API_KEY_SECRET_NAME" $v.server.apiKeySecret.name }}
{{- $_ := set $settings "API_KEY_SECRET_KEY" $v.server.apiKeySecret.key }}
{{- end }}
{{- if $v.server.caConfigMap.name }}
{{- $_ := set $settings "CA_CONFIG_MAP_NAME" $v.server.caConfigMap.name }}
{{- $_ := set $settings "CA_CONFIG_MAP_KEY" $v.server.caConfigMap.key }}
{{- end }}
{{- if $v.leaderElection.enabled }}
{{- $_ := set $settings "LEASE_NAME" (include "graphcron.fullname" .) }}
{{- $_ := set $settings "LEASE_SECONDS" $v.leaderElection.leaseSeconds }}
{{- end }}
- name: GRAPHCRON_LEASE_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: GRAPHCRON_INSTALLATION
  value: $(GRAPHCRON_LEASE_NAMESPACE)/{{ .Release.Name }}
{{- range $name, $value := $settings }}
{{- with $value }}
- name: GRAPHCRON_{{ $name }}
  value: {{ . | toString | quote }}
{{- end }}
{{- end }}
{{- if $v.prices }}
- name: GRAPHCRON_PRICES
  valueFrom:
    configMapKeyRef:
      name: {{ include "graphcron.fullname" . }}-prices
      key: prices.json
{{- end }}
{{- end -}}
