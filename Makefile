# make demo   build an environment, judge the sample community, say where the report is
# make test   build an environment, run every check and test
# make check  lint, types and docstrings only
# make site   the docs site in site/, its gallery drawn anew, its links checked

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT := demo

.PHONY: demo test check compiled lint docs site clean

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

VIEWER := $(wildcard viewer/src/* viewer/*.json) hatch_build.py

$(VENV)/.report: pyproject.toml $(VIEWER) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e ".[report]"
	@touch $@

$(VENV)/.test: pyproject.toml $(VIEWER) | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -e ".[test]"
	@touch $@ $(VENV)/.report

demo: $(VENV)/.report
	@mkdir -p $(OUT)
	$(BIN)/cimkit sample $(OUT)/community.gpkg
	@$(BIN)/cimkit check $(OUT)/community.gpkg --city hangzhou \
	    -o $(OUT)/report.html -o $(OUT)/findings.json; \
	  verdict=$$?; \
	  if [ $$verdict -ne 0 ] && [ $$verdict -ne 1 ] && [ $$verdict -ne 3 ]; then exit $$verdict; fi; \
	  echo; echo "Report: $(CURDIR)/$(OUT)/report.html"; \
	  echo "(exit code of the check: $$verdict; 0 passed, 1 failed, 3 unknown left)"

lint:
	$(BIN)/ruff format --check cimkit tests benchmarks
	$(BIN)/ruff check cimkit tests benchmarks

check: $(VENV)/.test lint
	$(BIN)/mypy
	$(BIN)/numpydoc lint $$(git ls-files 'cimkit/*.py')

compiled: $(VENV)/.test
	$(BIN)/python -c "from cimkit.cli.compile import compile_kernels as c; c()"  # once, not in each worker

test: $(VENV)/.test
	$(MAKE) -j 2 check compiled  # types are checked beside: one core would wait for them
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

docs: $(VENV)/.test
	$(BIN)/python -m tests.make_nomenclature > docs/nomenclature.md
	$(BIN)/python -m tests.make_standards > docs/standards.md

site: $(VENV)/.test
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	$(BIN)/python -m docs.gallery
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) $(OUT) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
