# `make run` boots the image, runs the conformance probes and prints the report; `make test` passes all tests.
# Both set up and build what is missing first, and say what they install.

.PHONY: help run test bench soak build setup fmt clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: build ## Boot, probe every declared alternative, print the conformance report (also in target/report/)
	target/release/runner report

test: build ## Run all suites, on the host and in the guest
	target/release/runner test

bench: build ## Print the figures, in executed guest instructions, beside their limits
	target/release/runner bench

soak: build ## Run the model test at length, then the guest suite, stress-ng and the fuzz targets over and over, on a kernel that checks itself
	root=. && . tools/env.sh && MODEL_SEQUENCES=100000 cargo test --release --locked -p socket --test model
	tools/kernel.sh checked
	target/release/runner --kernel target/kernel/postern-kernel-checked.elf soak

build: setup ## Build the host tools, the guest suite and the OS image
	tools/build.sh

setup: ## Install what is missing, and nothing else
	tools/setup.sh

fmt: ## Format the sources and the profiles
	root=. && . tools/env.sh && cargo fmt --all && cargo run --quiet --release -p emulator --bin postern -- fmt scml/profiles

clean: ## Remove everything that was built (not what was installed)
	rm -rf target
