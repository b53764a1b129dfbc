# The operator and the runner. Build with `python hack/cluster images`, or with
#   docker build --target operator --tag graphcron/operator:dev .
#   docker build --target runner --tag graphcron/runner:dev .
# Behind a proxy that re-signs TLS add `--secret id=certs,src=/etc/ssl/certs/ca-certificates.crt`.

# Both have Python of the same minor version. The images consist of the first, which needs no shell.
ARG BASE=gcr.io/distroless/python3-debian13
ARG BUILD_BASE=python:3.13-slim-trixie


# --- python: what both images share, as one layer

FROM ${BASE} AS base
RUN --mount=type=bind,source=hack/images,target=/tmp/images ["/usr/bin/python3", "-I", "-S", "/tmp/images/slim.py"]

FROM scratch AS python
COPY --from=base / /
ENV LANG=C.UTF-8 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /tmp


# --- operator: the locked dependencies and the package
# (the Kubernetes client, half of the dependencies, as byte code without docstrings: 100 MB less)

FROM ${BUILD_BASE} AS dependencies
COPY requirements/operator.lock /tmp/operator.lock
RUN --mount=type=secret,id=certs \
    if [ -s /run/secrets/certs ]; then export PIP_CERT=/run/secrets/certs; fi; \
    python3 -m venv /tmp/venv \
 && /tmp/venv/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps \
      --require-hashes --requirement /tmp/operator.lock --target /app \
 && rm -rf /app/bin /tmp/venv \
 && cd /app \
 && python3 -m compileall -q -b -o 2 -j 0 --invalidation-mode unchecked-hash kubernetes \
 && find kubernetes -name '*.py' -delete \
 && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM ${BUILD_BASE} AS package
COPY operator/graphcron /app/graphcron
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM python AS operator
COPY --from=dependencies /app /app
COPY --from=package /app /app
ENV PYTHONPATH=/app PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/usr/bin/python3", "-m", "graphcron.main"]


# --- runner: a few files of the package

FROM ${BASE} AS runner-code
COPY operator/graphcron/runner/__main__.py /app/__main__.py
COPY operator/graphcron/__init__.py operator/graphcron/contract.py operator/graphcron/input_template.py /app/graphcron/
COPY operator/graphcron/runner /app/graphcron/runner
RUN ["/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/app"]

FROM python AS runner
COPY --from=runner-code /app /app
ENTRYPOINT ["/usr/bin/python3", "-I", "-S", "/app"]
