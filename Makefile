# Two commands are all that a newcomer needs: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PAGE := operator/graphcron/cli/dashboard/page
NODE_MODULES := tests/docs/node_modules/.done
PAGE_MODULES := $(PAGE)/node_modules/.done
# The page's bundle is in the repository, so only a change of the page needs npm.
NPM := $(shell command -v npm 2>/dev/null)
NAME ?= graphcron

# Hashes, and no host in any of the lock files.
PIN := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links

.PHONY: help
help: ## Show this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "%-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.done $(NODE_MODULES) $(PAGE_MODULES) ## Install what the other targets need into the checkout

$(VENV)/.done: $(wildcard requirements/dev.lock) pyproject.toml
	@echo "Installing Python packages into $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "GraphCron needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13 …")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_MODULES) $(PAGE_MODULES): %/node_modules/.done: %/package-lock.json
	@command -v npm >/dev/null || { echo "The JavaScript in $* needs Node.js 20 or later with npm: install it and try again"; exit 1; }
	@echo "Installing Node modules into $*"
	@npm ci --prefix $* --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: demo
demo: $(VENV)/.done ## Bring up a cluster and watch a GraphCron run a graph (CLUSTER=…, REGISTRY=… that has the images)
	@$(PY) hack/demo up $(if $(REGISTRY),--registry $(REGISTRY))

.PHONY: demo-down
demo-down: $(VENV)/.done ## Take the demo's cluster away
	@$(PY) hack/demo down

.PHONY: cluster
cluster: $(VENV)/.done ## Bring up a local Kubernetes (CLUSTER=auto|kind|local|current, NAME=graphcron)
	@$(PY) hack/cluster up --name $(NAME)

.PHONY: cluster-down
cluster-down: $(VENV)/.done ## Take that cluster away
	@$(PY) hack/cluster down --name $(NAME)

.PHONY: images
images: $(VENV)/.done ## Build the images
	@$(PY) hack/cluster images operator runner langgraph-server

.PHONY: test
test: $(VENV)/.done $(if $(NPM),$(NODE_MODULES) $(PAGE_MODULES)) lint types check-generated ## Run everything that can fail: lint, types and all tests, on a cluster of their own
	@$(PY) hack/test -n 6 --dist worksteal $(ARGS)

.PHONY: chaos
chaos: $(VENV)/.done ## Break things at random for some 20 minutes, and count what must not be (OCCURRENCES=300, SEED=…)
	@$(PY) hack/test/own_cluster.py chaos -m tests.chaos $(if $(OCCURRENCES),--occurrences $(OCCURRENCES)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: simulate
simulate: $(VENV)/.done ## Play many scenarios with faults in virtual time (OF=runner|operator, SCENARIOS=3000, PROFILE=…, SEED=…)
	@PYTHONHASHSEED=0 $(PY) -m tests.simulation $(if $(OF),--of $(OF)) $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(if $(PROFILE),--profile $(PROFILE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: storm
storm: $(VENV)/.done ## Apply many GraphCrons at once on a cluster of their own, and count what must not be (GRAPHCRONS=300)
	@GRAPHCRON_STORM=$(or $(GRAPHCRONS),300) $(PY) hack/test/own_cluster.py storm -m pytest -q -s tests/e2e/test_storm.py $(ARGS)

.PHONY: test-kubernetes
test-kubernetes: $(VENV)/.done ## Run the tests that depend on Kubernetes, with kind (KUBERNETES=1.33|1.34|1.35|1.36)
	@CLUSTER=kind $(PY) hack/test -n 4 --dist worksteal tests/api tests/operator tests/e2e tests/chart tests/install $(ARGS)

.PHONY: test-argocd
test-argocd: $(VENV)/.done ## Run the tests of Argo CD's Lua with the real argocd, which takes ten minutes to build
	@GRAPHCRON_REAL_ARGOCD=1 $(PY) -m pytest tests/gitops/test_states.py $(ARGS)

.PHONY: upgrade-test
upgrade-test: $(VENV)/.done ## Upgrade from the last release, on a cluster of its own (FROM=revision)
	@$(PY) hack/test/own_cluster.py upgrade -m tests.upgrade $(if $(FROM),--from $(FROM)) $(ARGS)

.PHONY: test-quick
test-quick: $(VENV)/.done ## Run the tests that need no cluster
	@$(PY) -m pytest -q tests/unit tests/golden tests/oracle tests/simulation tests/docs/test_schedules.py $(ARGS)

.PHONY: fmt
fmt: $(VENV)/.done ## Format the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

.PHONY: lint
lint: $(VENV)/.done ## Check style, imports and prose
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-cache
	@$(PY) hack/docs/prose.py

.PHONY: types
types: $(VENV)/.done $(if $(NPM),$(PAGE_MODULES)) ## Check types
	@$(BIN)/mypy
	@cd hack/cluster && ../../$(BIN)/mypy --strict localkube
	@cd benchmarks && MYPYPATH=..:../hack/demo ../$(BIN)/mypy --config-file ../pyproject.toml --strict bench *.py
	@set -e; for each in chart demo docs images release test; do (cd hack/$$each && ../../$(BIN)/mypy --strict .); done
	@$(if $(NPM),npm run --silent --prefix $(PAGE) check)

.PHONY: generate
generate: $(VENV)/.done $(if $(NPM),$(PAGE_MODULES)) ## Write what is made: the CRDs, the chart's schema and README, charts/static, pages of docs/, Argo CD's ConfigMap, the dashboard's bundle
	@$(PY) -m graphcron.api.crd
	@$(PY) examples/gitops/argocd/argocd_cm.py
	@$(PY) hack/docs/metrics_page.py
	@$(PY) hack/docs/api_page.py
	@$(PY) hack/docs/cli_page.py
	@$(PY) benchmarks/page.py
	@$(PY) hack/chart
	@$(if $(NPM),npm run --silent --prefix $(PAGE) build)

.PHONY: check-generated
check-generated: $(VENV)/.done $(if $(NPM),$(PAGE_MODULES)) ## Fail where a generated file is stale
	@$(PY) -m graphcron.api.crd --check
	@$(PY) examples/gitops/argocd/argocd_cm.py --check
	@$(PY) hack/docs/metrics_page.py --check
	@$(PY) hack/docs/api_page.py --check
	@$(PY) hack/docs/cli_page.py --check
	@$(PY) benchmarks/page.py --check
	@$(PY) hack/chart --check
	@$(if $(NPM),npm run --silent --prefix $(PAGE) build -- --check)

.PHONY: recording
recording: $(VENV)/.done ## Make the terminal pictures of the README and of docs/cli.md anew, on a cluster of their own (PICTURE=demo|cli|dashboard)
	@$(PY) hack/test/own_cluster.py recording hack/demo/recording.py $(PICTURE)

# Without the variable the theme prints a notice about its future. Never --quiet: what is not printed, --strict lets pass.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs

.PHONY: docs
docs: $(VENV)/.done ## Build the documentation's site into site/ (DOCS_URL=…, DOCS_REPOSITORY=…)
	@$(MKDOCS) build --strict --site-dir site

.PHONY: docs-serve
docs-serve: $(VENV)/.done ## Show the site on this machine, and follow what you write (PORT=8000)
	@$(MKDOCS) serve --no-strict --livereload --dev-addr 127.0.0.1:$(or $(PORT),8000)

.PHONY: bases
bases: ## Pin the base images in the Dockerfiles by the digests that their registries have now
	@$(PYTHON) hack/release/bases.py

.PHONY: oracle
oracle: ## Make the clock's test vectors from robfig/cron (needs Go)
	@cd tests/oracle && go run . > vectors.jsonl

.PHONY: lock
lock: $(VENV)/.done ## Pin the Python packages anew, with hashes
	@$(BIN)/$(PIN) examples/langgraph-server/requirements.in -o examples/langgraph-server/requirements.lock
	@$(BIN)/$(PIN) --extra operator pyproject.toml -o requirements/operator.lock
	@$(BIN)/$(PIN) --extra operator --extra cli --extra dashboard pyproject.toml --group dev requirements/dev.in -o requirements/dev.lock
	@$(BIN)/$(PIN) --exclude-newer 2025-11-22 requirements/servers/langgraph-old.in -o requirements/servers/langgraph-old.lock
	@$(BIN)/$(subst 3.11,3.12,$(PIN)) requirements/servers/aegra.in -o requirements/servers/aegra.lock

# N and ROUNDS reach them by the environment, as everything does that is given on make's command line.
BENCHMARKS := reconcile restart idle tick pod burst storm scale images kopf dashboard

.PHONY: bench
bench: $(VENV)/.done ## Measure everything, one after the other, and write docs/performance.md and docs/benchmarks.md (most of an hour)
	@set -e; for each in $(BENCHMARKS); do $(MAKE) bench-$$each; done
	@$(PY) benchmarks/page.py

.PHONY: bench-reconcile
bench-reconcile: $(VENV)/.done ## Measure how many GraphCrons a second are made ready (N=1000 ROUNDS=4)
	@$(PY) benchmarks/reconcile.py

.PHONY: bench-restart
bench-restart: $(VENV)/.done ## Measure a restart with many GraphCrons in place (N=10000 ROUNDS=3)
	@$(PY) benchmarks/restart.py

.PHONY: bench-idle
bench-idle: $(VENV)/.done ## Measure what an operator asks and takes at rest (N=10000 ROUNDS=1)
	@$(PY) benchmarks/idle.py

.PHONY: bench-tick
bench-tick: $(VENV)/.done ## Measure what one run costs the pod, and how late it begins (ROUNDS=…)
	@$(PY) benchmarks/tick.py
	@$(PY) benchmarks/start.py

.PHONY: bench-pod
bench-pod: $(VENV)/.done ## Measure what of a run's pod takes how long at its start (ROUNDS=10)
	@$(PY) benchmarks/pod.py

.PHONY: bench-burst
bench-burst: $(VENV)/.done ## Measure many GraphCrons that are due in the same minute (N=500 ROUNDS=2)
	@$(PY) benchmarks/burst.py

.PHONY: bench-storm
bench-storm: $(VENV)/.done ## Measure many GraphCrons applied at once while others are due (N=1000 DUE=500)
	@$(PY) benchmarks/storm.py

.PHONY: bench-scale
bench-scale: $(VENV)/.done ## Measure how memory and cost grow (N=100,1000,5000,10000,20000 ROUNDS=1)
	@$(PY) benchmarks/scale.py

.PHONY: bench-images
bench-images: $(VENV)/.done ## Measure the images' size, and how soon the operator is ready (ROUNDS=5)
	@$(PY) benchmarks/images.py

.PHONY: bench-kopf
bench-kopf: $(VENV)/.done ## Measure what kopf costs for each event, without a cluster
	@$(PY) benchmarks/framework.py

.PHONY: bench-dashboard
bench-dashboard: $(VENV)/.done ## Measure how soon the dashboard shows many GraphCrons, in a browser (N=1000 ROUNDS=5)
	@$(PY) benchmarks/dashboard.py

.PHONY: release-package
release-package: ## Pack the chart and install.yaml into dist, with the registry that holds the images (REGISTRY=…)
	@test -n "$(REGISTRY)" || { echo "Which registry? make release-package REGISTRY=registry.example.com/team"; exit 1; }
	@$(PYTHON) hack/release stage --registry $(REGISTRY)
	@"$$($(PYTHON) hack/cluster tools)/helm" package dist/chart/graphcron --destination dist

.PHONY: release-push
release-push: release-package ## Push the chart, and the images for amd64 and arm64 (REGISTRY=…, VERSION=…, SOURCE=…)
	@$(PYTHON) hack/release/bases.py --check
	@set -e; for name in operator runner; do \
	  docker buildx build --target $$name --platform linux/amd64,linux/arm64 --provenance=mode=max --push \
	    --label org.opencontainers.image.title=graphcron-$$name --label org.opencontainers.image.licenses=Apache-2.0 \
	    --label org.opencontainers.image.version=$(VERSION) --label org.opencontainers.image.source=$(SOURCE) \
	    --tag $(REGISTRY)/graphcron/$$name:$(VERSION) --metadata-file dist/$$name.json .; \
	  jq --raw-output --exit-status '."containerimage.digest"' dist/$$name.json > dist/$$name.digest; \
	done
	@set -e -o pipefail; "$$($(PYTHON) hack/cluster tools)/helm" push dist/graphcron-$(VERSION).tgz oci://$(REGISTRY)/charts 2>&1 | tee dist/chart.log
	@sed -n 's/^Digest: //p' dist/chart.log > dist/chart.digest && test -s dist/chart.digest

.PHONY: clean
clean: ## Remove what the targets above installed into the checkout
	@rm -rf $(VENV) site tests/docs/node_modules $(PAGE)/node_modules .mypy_cache .ruff_cache .pytest_cache
