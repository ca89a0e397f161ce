# Two commands: `make run` opens the window, `make test` checks everything. Both set up what is missing, once.
.POSIX:
.PHONY: run test lint types layers unit bench setup setup-test clean screenshots

PYTHON = .venv/bin/python

run: setup
	@.venv/bin/latentstudio

test: setup-test lint types layers unit

setup:
	@sh packaging/setup.sh run

setup-test:
	@sh packaging/setup.sh test

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types:
	$(PYTHON) -m mypy

layers:
	.venv/bin/lint-imports

unit:
	QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q --ignore=tests/bench

bench: setup-test
	QT_QPA_PLATFORM=offscreen $(PYTHON) -m pytest -q -s tests/bench

screenshots: setup
	sh docs/make_screenshots.sh

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build dist
