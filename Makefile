# make all needs node, npm and a C compiler; everything else comes with `npm ci`.
#
#   make all     dist/olly and dist/libolly.so
#   make demo    a demo shop under olly: traces with their logs
#   make test    every test (as root it installs what they need)
#   make test-compat  the long form of test/compat: whole programs with and without the library
#   make fuzz    the fuzzers of libolly and of the protocols, for 10 minutes each
#   make torture ten minutes of a program that does everything at once, bare and hooked
#   make bench   the figures
#   make run     dist/olly with ARGS="..."
#   make check lint clean

BUN := node_modules/.bin/bun
DEPENDENCIES := node_modules/.package-lock.json
SOURCES := $(shell find src scripts libolly proto -type f -not -path '*/test/*' -not -name '*.test.ts' 2>/dev/null) package.json

.PHONY: all demo test test-compat torture fuzz bench run check lint clean
.DELETE_ON_ERROR:

all: dist/olly

# npm leaves this file behind when it has installed exactly what the lock file says.
$(DEPENDENCIES): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# One command makes both files; the library is embedded in the executable.
dist/olly: $(DEPENDENCIES) $(SOURCES)
	@mkdir -p dist
	$(BUN) scripts/build-binary.ts

demo: all
	sh deploy/demo-app/run.sh

test: all
	@if [ -f test/require.sh ]; then sh test/require.sh; fi
	sh scripts/test.sh

test-compat: all
	@OLLY_COMPAT=long sh test/require.sh
	OLLY_COMPAT=long $(BUN) test --timeout 1800000 test/compat

# Minutes that each fuzzer runs: make fuzz MINUTES=60
MINUTES ?= 10
fuzz: $(DEPENDENCIES)
	OLLY_FUZZ_SECONDS=$$(($(MINUTES) * 60)) sh libolly/test/quality.sh build/libolly-quality
	OLLY_FUZZ_SECONDS=$$(($(MINUTES) * 60)) $(BUN) test test/protocols/fuzz.test.ts

torture: all
	@sh test/require.sh
	OLLY_TORTURE_SECONDS=$${OLLY_TORTURE_SECONDS:-600} $(BUN) test test/torture/torture.test.ts

bench: all
	@for file in test/bench/*.ts; do $(BUN) "$$file" || exit 1; done

run: all
	dist/olly $(ARGS)

check: $(DEPENDENCIES)
	node_modules/.bin/tsc --noEmit -p tsconfig.json

lint: $(DEPENDENCIES)
	node_modules/.bin/biome check .

clean:
	rm -rf dist build
