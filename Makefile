# Dues, from a machine that has Swift and nothing else: `make run` shows it at work, `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help run build release test test-clients bench fuzz simulate sanitize sanitize-thread sanitize-address generate format clean deps

# The system libraries that the program stands on, as Debian calls their headers.
PACKAGES := libcurl4-openssl-dev libsqlite3-dev libssl-dev libpq-dev
# What the tests start besides: a server of each kind of database.
test: PACKAGES += postgresql
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .build/debug/dues

help:
	@echo "make run       build, then play a whole subscription against the sandbox"
	@echo "make build     build the debug binary, $(BIN)"
	@echo "make release   build the optimised binary, .build/release/dues"
	@echo "make test      run every test; those of the clients whose language is installed"
	@echo "make test-clients  install the other clients' languages (Debian), and test all clients"
	@echo "make fuzz      let the fuzzers search, SECONDS=60 each, after their canaries; SEED=, FUZZERS= as wished"
	@echo "make simulate  play the service, its store and a Stripe on bad days, SEEDS=1000 times; SEED=n plays one and tells of it"
	@echo "make sanitize  run the Swift tests under the thread and the address sanitizer"
	@echo "make bench     measure Dues beside Redis and a service on Stripe's SDK; INSTALL=1 installs those"
	@echo "make generate  write what is generated from Schemas/"
	@echo "make format    format the Swift sources in place"
	@echo "make clean     remove what was built"

# Installs what is missing and nothing otherwise. On runlevel 1 no server is started that comes with it.
deps:
	@command -v swift >/dev/null || { echo "Swift 6.3 is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
	@missing=$$(for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "please install the development files of libcurl, SQLite, OpenSSL and libpq" >&2; exit 1; }; \
	  echo "installing" $$missing; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq $$missing >/dev/null; \
	fi

build: deps
	swift build --product dues

SCRATCH ?= $(CURDIR)/.build

# The tests run with checks that no two accesses to one variable overlap, where the compiler cannot tell; the release does
# without. Swift's libraries, and the C++ ones under them, are linked in: the binary starts in half the time, and runs where
# Swift is not installed. The linker takes the first libstdc++ that it finds, and in this folder only the archive is.
release: deps
	@mkdir -p $(SCRATCH)/static; archive=$$(clang -print-file-name=libstdc++.a 2>/dev/null); \
	if [ -f "$$archive" ]; then ln -sf "$$archive" $(SCRATCH)/static/; fi
	swift build -c release --product dues --scratch-path $(SCRATCH) --static-swift-stdlib \
	  -Xswiftc -L$(SCRATCH)/static -Xswiftc -enforce-exclusivity=unchecked

run: build
	@$(BIN) tour

# One test after the other: some run servers in this process, which must not starve while others compute.
test: deps
	swift build --build-tests
	.build/debug/schemagen --check
	.build/debug/schemagen --compat Schemas/released.json
	@rm -rf $(SKIPPED) $(SAID); mkdir -p $(SAID)
	@{ DUES_SKIPPED=$(SKIPPED) DUES_LOGS=$(SAID) swift test --skip-build --no-parallel 2>&1; echo $$? >$(SAID)/status; } \
	  | tee $(SAID)/tests; status=$$(cat $(SAID)/status); \
	if [ $$status -ne 0 ]; then echo "what failed:"; grep -A 2 'recorded an issue' $(SAID)/tests | cut -c1-500; fi; exit $$status
	@sh Tests/Hygiene/run.sh $(SAID)
	@if [ -f $(SKIPPED) ]; then sort -u $(SKIPPED); fi

# Where the tests name what they had to leave out, and where what they and their servers said is kept to be searched.
SKIPPED := $(CURDIR)/.build/skipped
SAID := $(CURDIR)/.build/said

# What is between the brackets of a member of a client's conformance.json, which stand on one line.
listed = sed -n 's/.*"$(1)": *\[\([^]]*\)\].*/\1/p' "$$manifest" | tr -d '",'

# Every client, its language installed where it is missing.
test-clients: deps
	@missing=$$(for manifest in clients/*/conformance.json; do \
	  for program in $$($(call listed,requires)); do \
	    command -v $$program >/dev/null || { $(call listed,packages); break; }; \
	  done; done); \
	if [ -n "$$missing" ]; then \
	  command -v apt-get >/dev/null || { echo "please install what brings" $$missing >&2; exit 1; }; \
	  echo "installing" $$missing; \
	  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	fi
	swift build --build-tests
	DUES_ALL_CLIENTS=1 swift test --skip-build --no-parallel --filter 'ConformanceTests.Client|CorpusTests/.*client'

SECONDS ?= 60
SEED ?= $(shell date +%s)
FUZZERS ?= json lines envelope http

# Needs nothing that is not in Swift's own toolchain; run.sh says so where that is a slim one.
fuzz:
	@command -v swiftc >/dev/null || { echo "Swift 6.3 is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
	@sh Tests/Fuzz/run.sh $(SECONDS) $(SEED) $(FUZZERS)

SEEDS ?= 1000

# Optimised, in a scratch folder of its own, and with what only tests may see. A seed that the command line names is played
# alone: SEED above is the fuzzers'.
simulate: deps
	swift build -c release --product simulate --scratch-path .build-simulate -Xswiftc -enable-testing
	@SWIFT_DETERMINISTIC_HASHING=1 .build-simulate/release/simulate \
	  $(if $(filter command line environment,$(origin SEED)),--seed $(SEED),$(SEEDS))

# What the sanitized tests are narrowed to: FILTER='JSONTests|RPCTests'.
FILTER ?= .

sanitize: sanitize-thread sanitize-address

# Scratch folders of their own: what is sanitized cannot be linked with what is not.
sanitize-thread: deps
	swift build --build-tests --sanitize thread --scratch-path .build-tsan
	TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitize/thread.supp \
	  swift test --skip-build --no-parallel --sanitize thread --scratch-path .build-tsan --filter '$(FILTER)'

# Leaks are not looked for: the leak checker traces the process, which containers forbid.
sanitize-address: deps
	swift build --build-tests --sanitize address --scratch-path .build-asan
	ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no \
	  swift test --skip-build --no-parallel --sanitize address --scratch-path .build-asan --filter '$(FILTER)'

# Side by side with Redis, and with Python services on Stripe's SDK, where they are installed. The settings are at the head of
# Tests/Bench/run.
bench: deps
	@INSTALL=$(INSTALL) Tests/Bench/run

generate: deps
	swift run schemagen

format:
	find Package.swift Sources Tests clients/swift -name '*.swift' -not -path '*/Generated/*' | xargs swift format --in-place --parallel

clean:
	rm -rf .build .build-*
