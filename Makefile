# Everything that is built or installed lands in .tools/. "make help" lists the targets.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
T := $(CURDIR)/.tools
COLLECTION := ansible_collections/rpaops/uipath
LINKED := $(T)/collections/$(COLLECTION)
GET_PIP := $(T)/home/.ansible/test/cache
TARBALL = $(T)/build/rpaops-uipath-$(shell sed -n 's/^version: //p' galaxy.yml).tar.gz

# Not even pip's cache lies outside the checkout.
export PIP_CACHE_DIR := $(T)/cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HYPOTHESIS_STORAGE_DIRECTORY := $(T)/cache/hypothesis

# The tools run with their own HOME: nothing outside the checkout is written.
RUN := env HOME=$(T)/home ANSIBLE_COLLECTIONS_PATH=$(T)/collections PATH="$(T)/dev/bin:$(T)/pythons:$$PATH"
# Forks, which do not go with the threads of parallel runs; it runs two rotations at a time by itself.
KILLS := tests/faults/test_kills.py
# What is installed before targets run at the same time
TOOLS = $(T)/ready $(T)/importer/.installed $(T)/site-env/.installed
# A playbook that waits for a server leaves a processor to another one. Tests of one file share a server.
PARALLEL := --numprocesses 2 --dist loadfile
# --proof: the tests that otherwise take a sample, and no others, in full; --full: all tests, in full
EXTENT :=
ONE_PYTHON = $(shell $(T)/dev/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
say = @printf '\n== %s: %s\n' $@ '$(1)'
# Runs other targets two at a time. Each prints when it has ended; one that fails does not stop the others.
in_parallel = @printf '\n== %s: %s; each shows its output when it has ended\n' $@ '$(1)'; \
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target --keep-going $(1) $(2) \
	|| { printf '\n== %s: failed; look for "***" above\n' $@ >&2; exit 1; }; \
	printf '\n== %s: all passed\n' $@

# ansible-test insists on the path of an installed collection and refuses a link. With no repository of its own, the
# copy would be taken for an ignored folder of this one, without a file to test. Targets run at the same time, so each
# has its own copy.
COPIED = $(T)/copies/$@/$(COLLECTION)
define copy_collection
	@rm -rf $(COPIED) && mkdir -p $(COPIED) && git -c init.defaultBranch=main init -q $(COPIED)
	@git ls-files -co --exclude-standard -z | tar -c --null --ignore-failed-read -T - | tar -x -C $(COPIED)
endef

define make_venv
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || \
	{ echo 'Python cannot make virtual environments: apt-get install python3-venv' >&2; exit 1; }
	@$(PYTHON) -m venv $(@D)
endef

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

check: $(T)/ready ## what to run while you work: lint, unit, model, simulator, docs
	$(call in_parallel,lint model unit docs simulator)

test: ## every kind of test, on the newest ansible-core that python3 runs; with EXTENT=--full, no samples
	@$(MAKE) --no-print-directory --jobs 2 $(TOOLS)
	$(call in_parallel,faults playbook nights sanity model stores integration build lint unit docs site simulator,EXTENT=$(EXTENT))

proof: $(T)/ready ## the tests of which "make test" runs a sample, in full
	$(call in_parallel,faults playbook sanity nights model stores,EXTENT=--proof)

unit: $(T)/ready ## the unit tests
	$(call say,pytest tests/unit)
	@$(RUN) pytest tests/unit

model: $(T)/ready ## the rotation in every order of faults, runs and kills that the model generates
	$(call say,pytest $(EXTENT) tests/model)
	@$(RUN) pytest $(EXTENT) $(PARALLEL) tests/model

nights: $(T)/ready ## rotations in nights with random faults, operators and second runs
	$(call say,pytest $(EXTENT) tests/nights)
	@$(RUN) pytest $(EXTENT) tests/nights

simulator: $(T)/ready ## the tests of the simulator
	$(call say,pytest tests/simulator)
	@$(RUN) pytest tests/simulator

stores: $(T)/ready ## the stores on a network, against servers of the tests
	$(call say,pytest $(EXTENT) tests/stores)
	@$(RUN) pytest $(EXTENT) tests/stores

playbook: $(T)/ready ## real playbook runs against the simulator
	$(call say,pytest $(EXTENT) tests/playbook)
	@$(RUN) pytest $(EXTENT) $(PARALLEL) tests/playbook

faults: $(T)/ready ## rotations that are killed, cut off, throttled and given wrong answers
	$(call say,pytest $(EXTENT) tests/faults)
	@$(RUN) pytest $(EXTENT) $(PARALLEL) tests/faults --ignore $(KILLS)
	@$(RUN) pytest $(EXTENT) $(KILLS)

integration: $(T)/ready ## ansible-test integration
	$(call say,every target of tests/integration)
	$(copy_collection)
	@cd $(COPIED) && $(RUN) ansible-test integration --color no

sanity: $(T)/ready ## ansible-test sanity, without any ignore file
	$(call say,ansible-test sanity on $(if $(EXTENT),all files and for every Python,the files of the artifact and for one Python; make proof: on all files and for every Python))
	$(copy_collection)
	@$(if $(EXTENT),,cd $(COPIED) && find benchmarks demo tests -type f ! -path tests/config.yml -delete)
	@if compgen -G 'tests/sanity/ignore*' >&2; then echo 'sanity ignore files are not allowed' >&2; exit 1; fi
	@cd $(COPIED) && $(RUN) ansible-test sanity --color no $(if $(EXTENT),,--python $(ONE_PYTHON))

lint: $(T)/ready ## ruff, mypy, ansible-lint
	$(call say,ruff and mypy and ansible-lint)
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy -p ansible_collections.rpaops.uipath
	@$(RUN) ansible-lint --nocolor

format: $(T)/ready ## let ruff rewrite what it can
	@$(RUN) ruff check --fix
	@$(RUN) ruff format

docs: $(T)/ready ## the documentation and the changelog fragments
	$(call say,antsibull-docs and ansible-doc and antsibull-changelog)
	$(copy_collection)
	@cd $(COPIED) && $(RUN) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs all .
	@$(RUN) ansible-doc --metadata-dump rpaops.uipath > $(T)/documentation.json
	@$(RUN) antsibull-changelog lint

site: $(T)/ready $(T)/site-env/.installed ## the guides and the reference as HTML, in .tools/site
	$(call say,Sphinx without a warning and pytest tests/website)
	@$(RUN) PATH="$(T)/site-env/bin:$(T)/dev/bin:$$PATH" python tests/website/build.py $(CURDIR) $(T)/site-sources $(T)/site
	@$(RUN) pytest tests/website

build: $(T)/ready $(T)/importer/.installed ## the artifact from tracked files, and galaxy-importer without a warning
	$(call say,ansible-galaxy collection build and galaxy-importer)
	@$(RUN) python -m pytest tests/artifact
	@$(RUN) python tests/artifact/build.py $(CURDIR) $(T)/build
	@tar -tzf $(TARBALL)
	@cd $(T)/build && $(RUN) PATH="$(T)/importer/bin:$$PATH" python -m galaxy_importer.main $(TARBALL) 2>&1 | tee importer.log
	@if grep -E '^(WARNING|ERROR)' $(T)/build/importer.log > /dev/null; then echo 'galaxy-importer warns' >&2; exit 1; fi

matrix: $(T)/ready ## the unit tests and the tests marked "matrix", on every ansible-core that the Pythons of this machine run
	$(call say,every ansible-core from the oldest supported to the newest)
	@$(T)/dev/bin/python tests/matrix.py

benchmarks: $(T)/ready ## the benchmarks, for an hour on a machine with nothing else to do
	@cd benchmarks && for benchmark in user_password user_info rotation network_stores; do printf '\n== %s\n' $$benchmark; $(RUN) PYTHONPATH=$(T)/collections python $$benchmark.py --runs $(or $(RUNS),3); done

demo: $(T)/run/.installed | $(LINKED) ## a demonstration against the simulator
	@mkdir -p $(T)/home
	@$(RUN) PYTHONPATH=$(T)/collections PATH="$(T)/run/bin:$$PATH" python demo/demo.py

clean: ## remove .tools
	rm -rf $(T)

$(T)/ready: $(T)/dev/.installed $(GET_PIP)/.written $(T)/pythons/.linked | $(LINKED)
	@touch $@

$(T)/dev/.installed: tests/requirements.txt meta/ee-requirements.txt
	@echo 'installing the tools into .tools/dev'
	$(make_venv)
	@$(@D)/bin/python -m pip install -qq -r tests/requirements.txt
	@touch $@

$(T)/importer/.installed:
	@echo 'installing galaxy-importer into .tools/importer'
	$(make_venv)
	@$(@D)/bin/python -m pip install -qq galaxy-importer
	@touch $@

$(T)/site-env/.installed: tests/website/requirements.txt
	@echo 'installing Sphinx into .tools/site-env'
	$(make_venv)
	@$(@D)/bin/python -m pip install -qq -r $<
	@touch $@

$(T)/run/.installed: meta/ee-requirements.txt
	@echo 'installing ansible-core into .tools/run'
	$(make_venv)
	@$(@D)/bin/python -m pip install -qq ansible-core -r meta/ee-requirements.txt
	@touch $@

$(T)/pythons/.linked: tests/pythons.py | $(T)/dev/.installed
	@$(T)/dev/bin/python tests/pythons.py $(@D)
	@touch $@

$(LINKED):
	@mkdir -p $(@D)
	@ln -s $(CURDIR) $@

# ansible-test would download a script that installs pip, and hides pip's environment variables from it.
$(GET_PIP)/.written: tests/get_pip.py $(T)/dev/.installed
	@mkdir -p $(@D) $(T)/home/.config/pip $(T)/home/.pip
	@for version in $$(sed -n "s/.*pip='\([0-9.]*\)'.*/\1/p" $(T)/dev/lib/python3*/site-packages/ansible_test/_internal/python_requirements.py); \
	do cp tests/get_pip.py $(@D)/get_pip_$${version//./_}.py; done
	@ln -sf ~/.config/pip/pip.conf $(T)/home/.pip/pip.conf
	@umask 077; { echo '[global]'; env | sed -n 's/^PIP_\([A-Z_]*\)=/\1 = /p'; } > $(T)/home/.config/pip/pip.conf
	@touch $@

.PHONY: help check test proof unit model nights simulator stores playbook faults integration sanity lint format docs site build matrix benchmarks demo clean
