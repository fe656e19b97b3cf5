{{/* Words that every template uses. */}}

{{/* "ccproxy.labels" (list $ "component"): of an object. */}}
{{- define "ccproxy.labels" -}}
{{- $ := index . 0 -}}
{{ include "ccproxy.selector" . }}
app.kubernetes.io/part-of: ccproxy
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ $.Chart.Name }}-{{ $.Chart.Version }}
{{- end -}}

{{/* "ccproxy.selector" (list $ "component"): what Services and Deployments select by; never changes. */}}
{{- define "ccproxy.selector" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: ccproxy
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* "ccproxy.image" (list $ "sidecar"): registry/repository:tag or @digest. */}}
{{- define "ccproxy.image" -}}
{{- $ := index . 0 -}}
{{- $image := index $.Values.images (index . 1) -}}
{{- with $.Values.image.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $.Values.image.tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* "ccproxy.podSecurity" $: of a pod; passes Pod Security `restricted`. */}}
{{- define "ccproxy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Of a container. */}}
{{- define "ccproxy.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* "ccproxy.placement" (dict "values" .Values.operator "root" $): where pods may run. */}}
{{- define "ccproxy.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "ccproxy.spread" (list $ "component"): one pod per node and zone as far as possible. */}}
{{- define "ccproxy.spread" -}}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "ccproxy.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}

{{/* The projected token that the operator's streams ask for, as a volume. */}}
{{- define "ccproxy.configToken" -}}
- name: tokens
  projected:
    sources:
      - serviceAccountToken:
          audience: ccproxy-config
          expirationSeconds: 3600
          path: ccproxy-config
{{- end -}}

{{/* External Postgres? Empty means no. */}}
{{- define "ccproxy.external" -}}
{{- if .Values.ledger.postgres.existingSecret }}true{{ end -}}
{{- end -}}

{{/* "ccproxy.monitored" (list $ "auto" "PodMonitor"): empty means no. */}}
{{- define "ccproxy.monitored" -}}
{{- $ := index . 0 -}}
{{- $wish := toString (index . 1) -}}
{{- if eq $wish "true" }}true{{ else if and (eq $wish "auto") ($.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" (index . 2))) }}true{{ end -}}
{{- end -}}
