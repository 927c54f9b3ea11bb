# Everything runs in .venv, made on first use from constraints.txt by Python, pip and make alone.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo docs test lint format browser slow postgres clean

demo: $(STAMP)
	$(BIN)/cistron demo --force

# The site, in docs/_build/html. It runs the tutorials, which takes minutes the first time.
docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs,cells,motifs]'
	$(BIN)/python -m sphinx -W --keep-going docs docs/_build/html

test: $(STAMP) lint
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: $(STAMP)
	$(BIN)/python -m pytest -m browser

slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

postgres: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[postgres]'
	$(BIN)/python -m pytest -m postgres

clean:
	rm -rf docs/_build .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cistron needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,peers]'
	touch $(STAMP)
