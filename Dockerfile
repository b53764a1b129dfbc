# The operator and the runner. Build with `python hack/cluster images`, or with
#   docker build --target operator --tag graphcron/operator:dev .
#   docker build --target runner --tag graphcron/runner:dev .
# Behind a proxy that re-signs TLS add `--secret id=certs,src=/etc/ssl/certs/ca-certificates.crt`.
ARG BASE=python:3.13-slim-bookworm
ARG RUNNER_BASE=gcr.io/distroless/python3-debian12


# --- operator: the locked dependencies, the package, and a Python without its build tools
# (the Kubernetes client, three quarters of the dependencies, goes in as byte code without docstrings: 100 MB less)

FROM ${BASE} AS dependencies
COPY requirements/operator.lock /tmp/operator.lock
RUN --mount=type=secret,id=certs \
    if [ -s /run/secrets/certs ]; then export PIP_CERT=/run/secrets/certs; fi; \
    python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps \
      --require-hashes --requirement /tmp/operator.lock \
 && for package in setuptools pip; do /opt/venv/bin/pip uninstall --quiet --yes $package 2>/dev/null || true; done \
 && find /opt/venv -name __pycache__ -prune -exec rm -rf {} + \
 && rm -f /opt/venv/bin/activate* /opt/venv/bin/Activate* \
 && cd /opt/venv/lib/python3.*/site-packages \
 && /opt/venv/bin/python -m compileall -q -b -o 2 -j 0 --invalidation-mode unchecked-hash kubernetes \
 && find kubernetes -name '*.py' -delete \
 && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash . \
 && /opt/venv/bin/python -c "import pathlib, sysconfig; \
      pathlib.Path(sysconfig.get_path('purelib'), 'graphcron.pth').write_text('/opt/graphcron\n')"

FROM dependencies AS package
COPY operator/graphcron /opt/graphcron/graphcron
RUN /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/graphcron

FROM ${BASE} AS python
RUN rm -rf /usr/local/bin/pip* /usr/local/bin/idle* /usr/local/bin/pydoc* /usr/local/include /usr/local/share \
      /usr/bin/perl* /usr/bin/apt* /usr/bin/dpkg* /usr/bin/debconf* /usr/lib/apt /usr/lib/dpkg /bin/bash \
      /usr/lib/*-linux-gnu/perl* /usr/lib/*-linux-gnu/libperl* /usr/lib/*-linux-gnu/libapt* /usr/lib/*-linux-gnu/gconv \
      /usr/lib/*-linux-gnu/libdb-* /usr/lib/*-linux-gnu/libgnutls* /usr/lib/*-linux-gnu/libmvec* /usr/sbin /usr/lib/locale \
      /usr/bin/openssl /usr/bin/localedef /usr/bin/gpgv /usr/lib/*-linux-gnu/libunistring* /usr/lib/*-linux-gnu/libp11* \
      /usr/lib/*-linux-gnu/libsystemd* /usr/lib/*-linux-gnu/libgcrypt* /usr/lib/*-linux-gnu/libhogweed* \
      /usr/lib/*-linux-gnu/libnettle* /usr/lib/*-linux-gnu/libext2fs* /usr/lib/*-linux-gnu/libsepol* \
      /usr/lib/systemd /usr/lib/udev /usr/lib/mime /usr/share/gcc /usr/share/keyrings /var/lib/dpkg/info \
      /usr/share/doc /usr/share/info /usr/share/locale /usr/share/man /usr/share/perl* /usr/share/python-wheels \
      /usr/share/bash-completion /usr/share/lintian /usr/share/zoneinfo /usr/lib/python3 \
      /var/cache /var/lib/apt /var/log /root/.cache \
 && mkdir -p /var/cache /var/log /opt \
 && echo 'nonroot:x:65532:65532:nonroot:/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'nonroot:x:65532:' >> /etc/group \
 && for lib in /usr/lib/python3.* /usr/local/lib/python3.*; do \
      for part in site-packages dist-packages 'config-*' ensurepip idlelib lib2to3 pydoc_data test tkinter turtledemo turtle.py \
                  'lib-dynload/_test*' 'lib-dynload/_codecs_*'; do \
        rm -rf $lib/$part; \
      done; \
    done

FROM scratch AS operator
COPY --from=python / /
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=package /opt/graphcron /opt/graphcron
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/opt/venv/bin/python", "-m", "graphcron.main"]


# --- runner: a Python and a few files of the package; no shell is needed on its base

FROM ${RUNNER_BASE} AS runner-code
COPY operator/graphcron/runner/__main__.py /app/__main__.py
COPY operator/graphcron/__init__.py operator/graphcron/contract.py operator/graphcron/input_template.py /app/graphcron/
COPY operator/graphcron/runner /app/graphcron/runner
RUN ["/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/app"]

FROM ${RUNNER_BASE} AS runner
COPY --from=runner-code /app /app
ENV LANG=C.UTF-8
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/python3", "-I", "-S", "/app"]
