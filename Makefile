# ccproxy. `make` lists what there is; `make demo` and `make test` need nothing prepared but git, make and Python >= 3.11.
SHELL := /bin/bash
PY := .venv/bin/python
MEMBERS := contract runtime policy sidecar ledger compressor operator cli
STAMP := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo check test prove e2e cluster bench bench-cluster bench-peers crds images lock wheels

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv with everything, .venv/bin/ccproxy included

$(STAMP): requirements/dev.txt $(MEMBERS:%=%/pyproject.toml) tools/setup.sh
	@bash tools/setup.sh $(MEMBERS)
	@touch $@

demo: $(STAMP) ## play an agent session against a scripted provider and print the receipt (no key needed)
	@$(PY) -m tools.demo $(DEMO_ARGS)

check: $(STAMP) ## lint, types, import directions, generated files (under 60 s)
	@bash tools/check.sh

test: $(STAMP) ## every suite at a tenth of its bar, coverage of 90 % or it fails
	@bash tools/test.sh

prove: $(STAMP) ## the bars at full size: faults, bytes, speed
	@CCPROXY_PROVE=1 bash tools/test.sh
	@$(PY) -m bench --prove
	@$(PY) -m bench.cluster

e2e: $(STAMP) ## everything on a real cluster (root or Docker with kind; the first time builds Kubernetes, 5 min)
	@.venv/bin/python -m pytest -q -p no:cacheprovider e2e

cluster: $(STAMP) ## a real cluster of one node to play with; prints its kubeconfig
	@e2e/localkube/localkube up

images: $(STAMP) ## build the container images with Docker or buildah
	@$(PY) -m tools.images --weigh

bench: $(STAMP) ## speed against nginx, a lean gateway and the peers found
	@$(PY) -m bench

bench-cluster: $(STAMP) ## the bars on a cluster: injector, operator, 2,000 sidecars
	@$(PY) -m bench.cluster

bench-peers: $(STAMP) ## install LiteLLM, Portkey and claude-code-router for `make bench`
	@$(PY) -m bench.peers

crds: $(STAMP) ## generate crds/ from policy
	@$(PY) -m tools.crds

lock: $(STAMP) ## pin requirements/*.in with hashes, without index addresses
	@bash tools/lock.sh

wheels: $(STAMP) ## build every member's wheel into dist/
	@bash tools/wheels.sh dist $(MEMBERS)
