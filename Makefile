.DEFAULT_GOAL := help
.PHONY: help setup env demo demo-publish up down authorize test lint bench soak simulator lock dev gaps

SETUP := sh scripts/setup.sh
LOCAL := .venv/bin/python scripts/local.py

help: ## List the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {gsub("\\$$\\$$", "$$", $$2); printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make the environment: .venv, Airflow's database, pools (PYTHON=... picks the Python)
	@$(SETUP) run
	@$(LOCAL) prepare

env: ## Print the environment: eval "$$(make -s env)" gives a shell for this project's airflow
	@$(SETUP) run
	@$(LOCAL) prepare >&2
	@$(LOCAL) env

demo: ## Collect one keyword from the simulator through a real Airflow, from start to end
	@$(SETUP) run
	@$(LOCAL) demo

demo-publish: ## Publish three posts to the simulator, each with trouble on its way: each is posted once
	@$(SETUP) run
	@$(LOCAL) demo-publish

up: ## Start Airflow in the background, with its UI at localhost
	@$(SETUP) run
	@$(LOCAL) up

down: ## Stop what `make up` started
	@$(LOCAL) down

authorize: ## Let a person authorize the app to publish as an account, by OAuth 2.0 (ARGS="--conn-id ...")
	@$(SETUP) run
	@$(LOCAL) prepare
	@$(LOCAL) authorize $(ARGS)

simulator: ## Run the X simulator alone, in the foreground (ARGS="--port 8099 ...")
	@$(SETUP) run
	@$(LOCAL) simulator $(ARGS)

gaps: ## List the windows that are missing or partial, with the commands that fill them (ARGS="--json")
	@$(SETUP) run
	@$(LOCAL) gaps $(ARGS)

test: dev lint ## Run the linters, the type checker and every test (ARGS="-k name" picks some)
	@sh scripts/test.sh $(ARGS)

lint: dev ## Run the linters and the type checker
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

bench: dev ## Measure the speed bounds and write docs/benchmarks.md
	@.venv/bin/python tests/benchmarks $(ARGS)

soak: dev ## Try every fault, 1,000 random mixes, every kill and all other promises, and write docs/reliability.md (ARGS="--seed 7")
	@.venv/bin/python -m tests.fire.soak $(ARGS)

dev:
	@$(SETUP) dev

lock: dev ## Resolve requirements.txt and requirements-dev.txt again from pyproject.toml
	@UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/uv pip compile --quiet --universal \
		--python-version 3.11 $(ARGS) pyproject.toml -o requirements.txt
	@UV_CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/uv pip compile --quiet --universal \
		--python-version 3.11 $(ARGS) --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
