# Every target makes its own environment first; a second call reuses it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Offline on purpose: what ships and what is installed is enough.
export HF_HUB_OFFLINE = 1
export TOKENIZERS_PARALLELISM = false
# Two test processes share the cores; threads of the models would only wait for each other.
test: export OMP_NUM_THREADS = 1

.PHONY: audit test check bench clean

audit: $(READY)
	@mkdir -p reports
	$(BIN)/embias audit --suite weat --suite seat --json reports/audit.json --html reports/audit.html

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal src tests

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/build_manifest.py --check
	$(BIN)/python scripts/build_card_tables.py --check

bench: $(READY)
	$(BIN)/python benchmarks/permutation.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/weat_suite.py
	$(BIN)/python benchmarks/static_files.py
	$(BIN)/python benchmarks/bulk_encoding.py
	$(BIN)/python benchmarks/leace.py
	$(BIN)/python benchmarks/hard_debias.py
	$(BIN)/python benchmarks/ran.py
	$(BIN)/python benchmarks/minilm_gender.py
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/against_wefe.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "embias needs Python 3.11 or newer; name one with: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[demo,static,images,report,dev]"
	@touch $(READY)

clean:
	rm -rf $(VENV) build dist reports
