{{/* The operator's settings, each a variable; what is left out has the operator's own default. */}}
{{- define "graphcron.environment" -}}
{{- $v := .Values -}}
{{- $settings := dict
  "RUNNER_IMAGE" (include "graphcron.image" (dict "image" $v.runner.image "root" .))
  "RUNNER_IMAGE_PULL_POLICY" $v.runner.image.pullPolicy
  "NAMESPACES" (join "," $v.watchNamespaces)
  "SERVER_URL" $v.server.url
  "LOG_LEVEL" $v.log.level
  "LOG_FORMAT" $v.log.format
  "HEALTH_PORT" "8080"
-}}
{{- with $v.runner.imagePullSecrets }}
{{- $names := list }}
{{- range . }}{{ $names = append $names .name }}{{ end }}
{{- $_ := set $settings "RUNNER_IMAGE_PULL_SECRETS" (join "," $names) }}
{{- end }}
{{- with $v.runner.resources }}{{ $_ := set $settings "RUNNER_RESOURCES" (toJson .) }}{{ end }}
{{- with $v.allowedServers }}
{{- $_ := set $settings "ALLOWED_SERVERS" (append . (include "graphcron.testServer" $) | toJson) }}
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
{{- range $name, $value := $settings }}
{{- with $value }}
- name: GRAPHCRON_{{ $name }}
  value: {{ . | toString | quote }}
{{- end }}
{{- end }}
{{- if $v.leaderElection.enabled }}
- name: GRAPHCRON_LEASE_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- end }}
{{- if $v.prices }}
- name: GRAPHCRON_PRICES
  valueFrom:
    configMapKeyRef:
      name: {{ include "graphcron.fullname" . }}-prices
      key: prices.json
{{- end }}
{{- end -}}
