# Everything a person types; `make` alone lists it.
PYTHON ?= python3
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup run test lint fuzz chaos verifiers bench bench-http package rehearse deploy doctor dns-check teardown reset redrive requeue

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST)

setup: ## install what running it here needs, into .venv
	@$(PYTHON) embedded/set_up.py run

run: setup ## set up and start: API, workers, simulated SES, demo data (ARGS="--http-port 8080" …)
	@exec $(VENV)/python -m embedded $(ARGS)

test: ## set up and run every check
	@$(PYTHON) embedded/set_up.py test
	@$(MAKE) --no-print-directory lint
	$(VENV)/pytest -n 2 --dist loadgroup

lint: ## ruff and mypy alone
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy

fuzz: ## the long random tests of the message index, of reading and receiving mail, and of the API by its document (FUZZ_SEED=… FUZZ_OPERATIONS=… FUZZ_REQUESTS=…)
	@$(PYTHON) embedded/set_up.py test
	$(VENV)/pytest -m long tests/storage tests/mime tests/operations tests/journeys --ignore tests/journeys/test_kills_while_mail_goes.py

chaos: ## the long proofs of docs/guarantees.md: deaths, disorder, bad weather, storms (CHAOS_SEED=… CHAOS_SEEDS=… CHAOS_MESSAGES=…)
	@$(PYTHON) embedded/set_up.py test
	$(VENV)/pytest -m long tests/chaos tests/privacy tests/journeys/test_kills_while_mail_goes.py tests/operations/test_send_storm.py tests/operations/test_stop_storm.py

verifiers: ## check signatures with the published JavaScript verifier too (needs node and npm)
	@$(PYTHON) embedded/set_up.py test
	npm install --silent --no-save --prefix .embedded/tools/standardwebhooks standardwebhooks@1.1.1
	$(VENV)/pytest tests/domain/test_javascript_verifier.py

bench: ## count what each operation costs and write it into bench/README.md
	@$(PYTHON) embedded/set_up.py run
	$(VENV)/python -m bench.capacity --write
	$(VENV)/python -m bench.listing --write
	$(VENV)/python -m bench.busy_inbox --write
	$(VENV)/python -m bench.late_rate --write
	$(VENV)/python -m bench.inbound --write
	$(VENV)/python -m bench.webhooks --write
	$(VENV)/python -m bench.events --write
	$(VENV)/python -m bench.log_bytes --write
	$(VENV)/python -m bench.cost --write

bench-http: ## time lists and sending through HTTP and write it into bench/README.md
	@$(PYTHON) embedded/set_up.py run
	$(VENV)/python -m bench.http_times --write
	$(VENV)/python -m bench.throughput --write
	$(VENV)/python -m bench.start_after_kill --write

package: ## build what Lambda gets: template and zip, in .build/ (ARGS=--here: for this machine)
	@$(PYTHON) embedded/set_up.py test
	@$(VENV)/python -m infra.package $(ARGS)

rehearse: ## deploy the real package into an emulated AWS account, and send, receive, tell and fail there
	@$(PYTHON) embedded/set_up.py test
	@$(VENV)/python -m tests.infra.rehearse

deploy: ## put it into an AWS account (STAGE=… DOMAIN=… ARGS="--look-only --alarm-email …")
	@$(PYTHON) embedded/set_up.py test
	@$(VENV)/python -m infra.deploy $(ARGS) --stage "$(STAGE)" --domain "$(DOMAIN)"

doctor: ## look at a deployment piece by piece, with a fix for each finding (STAGE=… ARGS=--self-test)
	@$(VENV)/python -m infra.doctor $(ARGS) --stage "$(STAGE)"

dns-check: ## wait until the DNS records of the deployment's domain are there (DOMAIN=… ARGS="--minutes 60")
	@$(VENV)/python -m infra.dns_check --domain "$(DOMAIN)" $(ARGS)

teardown: ## take a deployment down; table and bucket stay (STAGE=…)
	@$(VENV)/python -m infra.teardown $(ARGS) --stage "$(STAGE)"

redrive: ## move dead letters back to their queue (STACK=… QUEUE=send|delivery|inbound|webhook|slow-webhook ARGS=--dry-run)
	@$(VENV)/python -m infra.redrive --stack "$(STACK)" --queue "$(QUEUE)" $(ARGS)

requeue: ## rebuild the queues from table and bucket, after a restore (STACK=…)
	@$(VENV)/python -m infra.requeue --stack "$(STACK)"

reset: ## clear the data of `make run`
	@$(PYTHON) embedded/set_up.py reset
