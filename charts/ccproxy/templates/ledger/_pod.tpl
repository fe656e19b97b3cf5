{{/* "ccproxy.ledgerPod" (dict "root" $ "component" "ledger" "role" "collector" "resources" …): spec of a ledger's pod. */}}
{{- define "ccproxy.ledgerPod" -}}
{{- $ := .root -}}
{{- $external := include "ccproxy.external" $ -}}
{{- $stores := ne .role "books" -}}
serviceAccountName: ccproxy-ledger
# Variables of Services would carry the names of ours.
enableServiceLinks: false
{{- include "ccproxy.placement" (dict "values" $.Values.ledger "root" $) | trim | nindent 0 }}
{{ include "ccproxy.spread" (list $ .component) }}
securityContext: {{- include "ccproxy.podSecurity" $ | nindent 2 }}
terminationGracePeriodSeconds: 60
containers:
  - name: ledger
    image: {{ include "ccproxy.image" (list $ "ledger") }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    env:
      - name: CCPROXY_LEDGER_ROLE
        value: {{ .role }}
      - name: CCPROXY_NAMESPACE
        value: {{ $.Release.Namespace }}
      - name: CCPROXY_POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      - name: CCPROXY_POD
        value: {{ $.Release.Namespace }}/$(CCPROXY_POD_NAME)
      - name: CCPROXY_TLS
        value: /etc/ccproxy/tls
      - name: CCPROXY_ROOT_FILE
        value: /etc/ccproxy/tls/ca.crt
      - name: CCPROXY_ISSUER_FILE
        value: /var/lib/ccproxy/issuer.json
      {{- if $stores }}
      - name: CCPROXY_OPERATOR_URL
        value: wss://ccproxy-operator.{{ $.Release.Namespace }}.svc:4145
      - name: CCPROXY_TOKENS
        value: /var/run/secrets/ccproxy
      - name: CCPROXY_LEDGER_SPOOL
        value: /var/lib/ccproxy/spool
      - name: CCPROXY_LEDGER_SPOOL_CAP_BYTES
        value: {{ $.Values.ledger.spoolCapBytes | int64 | quote }}
      {{- end }}
      {{- if $external }}
      # A file is followed: a new password needs no restart.
      - name: CCPROXY_DATABASE_URL_FILE
        value: /etc/ccproxy/postgres/url
      {{- else }}
      - name: CCPROXY_PGDATA
        value: /var/lib/ccproxy/postgres
      {{- end }}
      - name: CCPROXY_LOG_LEVEL
        value: {{ $.Values.logLevel }}
    ports:
      - name: ledger
        containerPort: 4143
      - name: ops
        containerPort: 4142
    # A first start makes a database or waits for yours.
    startupProbe:
      httpGet: {path: /healthz, port: ops}
      periodSeconds: 2
      failureThreshold: 90
    livenessProbe:
      httpGet: {path: /healthz, port: ops}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 3
    readinessProbe:
      httpGet: {path: /readyz, port: ops}
      periodSeconds: 3
      timeoutSeconds: 3
    resources: {{- toYaml .resources | nindent 6 }}
    securityContext: {{- include "ccproxy.containerSecurity" $ | nindent 6 }}
    volumeMounts:
      - name: tls
        mountPath: /etc/ccproxy/tls
        readOnly: true
      - name: tokens
        mountPath: /var/run/secrets/ccproxy
        readOnly: true
      {{- if $external }}
      - name: postgres
        mountPath: /etc/ccproxy/postgres
        readOnly: true
      {{- end }}
      - name: state
        mountPath: /var/lib/ccproxy
      - name: scratch
        mountPath: /tmp
volumes:
  - name: tls
    secret: {secretName: ccproxy-ledger-tls}
  {{- include "ccproxy.configToken" $ | nindent 2 }}
  {{- if $external }}
  - name: postgres
    secret:
      secretName: {{ $.Values.ledger.postgres.existingSecret }}
      items:
        - key: {{ $.Values.ledger.postgres.key }}
          path: url
  {{- end }}
  - name: scratch
    emptyDir: {sizeLimit: 64Mi}
  {{- if not $stores }}
  - name: state
    emptyDir: {sizeLimit: 64Mi}
  {{- else if not $.Values.ledger.persistence.enabled }}
  - name: state
    emptyDir: {sizeLimit: {{ $.Values.ledger.persistence.size }}}
  {{- end }}
{{- end -}}
