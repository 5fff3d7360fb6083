# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 homeostat contributors
#
# make run    set up what is missing, build, show homeostat at work (in a lab guest)
# make test   set up what is missing, build, pass all tests
# make fault  the whole fault campaign (about an hour); writes docs/fault-campaign.md
# make helping  does "Am I helping?" stay calm, and find out harm (two hours); writes docs/helping.md
# make effects  what do the parameters of the knowledge base do? (ten minutes); writes docs/effects.md
# make lab    the laboratory's experiments (SCENARIOS=hogs chooses some), with tables and pictures
# make lab-check  has a figure of homeostat become worse than is recorded?
# make lab-growth  what do many CPUs and many runnable tasks cost?
# make bench  what observing costs on this machine (as root), and in instructions; writes docs/overhead.md
# make bench-packets  what a packet costs on this machine (as root)
# make bench-acks  what an acknowledgement costs on this machine (as root), and in instructions of a lab guest
# make bench-policies  what a policy plug-in and a decision point cost (as root), and in instructions of a lab guest
# make bench-sockets  what a look at TCP connections costs on this machine (as root)
# make check  the fast part: unit tests, format, lint; no guest
# make fuzz   each fuzz target for FUZZ_S seconds
# make coverage  lines that the unit tests reach of what must not be wrong
# make        build all
# make install DESTDIR= PREFIX=/usr

O ?= build
PREFIX ?= /usr
SYSCONFDIR ?= /etc
V ?= 0
VERSION := 0.1.0

.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' $(1) $(2);)

.PHONY: all
all: programs docs

# ---- what scripts/setup found or built ----
$(O)/deps/config.mk: scripts/setup
	$(Q)O=$(O) scripts/setup
	$(Q)touch $@
ifeq ($(filter clean help,$(MAKECMDGOALS)),)
-include $(O)/deps/config.mk
endif

CC := gcc
WARN := -Wall -Wextra -Werror
CFLAGS ?= -O2 -g
# the same bytes wherever the tree lies: a lab guest's figures depend on each of them
RELATIVE := -ffile-prefix-map=$(CURDIR)=.
PKGS := json-c libcyaml yaml-0.1 libcap libseccomp libmnl libmd zlib
USER_CFLAGS := -std=gnu11 $(CFLAGS) $(RELATIVE) $(WARN) -Wstrict-prototypes -Wshadow -Wno-missing-field-initializers \
	-Wformat=2 -Wvla -D_GNU_SOURCE -DHS_VERSION='"$(VERSION)"' -Ikern -Iuser/lib -Iuser/daemon -Iuser -I$(O) \
	$(LIBBPF_CFLAGS) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now
# static: it has to go with the libbpf that we have, and hosts rarely have it
USER_LIBS := -l:libxdp.a $(LIBBPF_LIBS) $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lpthread
CLI_LIBS := -lncursesw -ltinfo -lsqlite3
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# ---- kernel side: every .bpf.c, one object, one skeleton ----
# state first: the linker gives an extern map its place only if it has seen the definition before
BPF_SRC := kern/state.bpf.c $(filter-out kern/state.bpf.c,$(wildcard kern/*.bpf.c kern/sense/*.bpf.c kern/act/*.bpf.c))
BPF_OBJ := $(BPF_SRC:%.bpf.c=$(O)/%.bpf.o)
BPF_CFLAGS := -target bpf -mcpu=v3 -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -Wno-unused-parameter \
	-Wno-missing-declarations -D__TARGET_ARCH_x86 -Ikern $(LIBBPF_CFLAGS) \
	-idirafter /usr/include/$(shell gcc -print-multiarch 2>/dev/null)

$(O)/%.bpf.o: %.bpf.c | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(O)/homeostat.bpf.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $^

$(O)/homeostat.skel.h: $(O)/homeostat.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name homeostat_bpf > $@

# ---- policy plug-ins: built as by those who write one, from the headers that are installed ----
PLUGIN_HEADERS := abi.h abi_net.h plugin.h plugin_test.h variant.h lib/control.h
PLUGIN_CFLAGS := -target bpf -mcpu=v3 -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -I$(O)/include \
	-idirafter /usr/include/$(shell gcc -print-multiarch 2>/dev/null)
POLICY := $(patsubst policy/reflex/%.bpf.c,$(O)/policy/%.bpf.o,$(wildcard policy/reflex/*.bpf.c))
TEST_POLICY := $(patsubst selftests/plugin/%.bpf.c,$(O)/plugin/%.bpf.o,$(wildcard selftests/plugin/*.bpf.c selftests/plugin/bad/*.bpf.c))

$(O)/include/homeostat/%.h: kern/%.h
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(O)/policy/%.bpf.o: policy/reflex/%.bpf.c $(PLUGIN_HEADERS:%=$(O)/include/homeostat/%) | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(PLUGIN_CFLAGS) -c $< -o $@
$(O)/plugin/%.bpf.o: selftests/plugin/%.bpf.c $(PLUGIN_HEADERS:%=$(O)/include/homeostat/%) | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(PLUGIN_CFLAGS) -c $< -o $@

# the scheduler's decision points: our programs without them, to be linked to a variant's and, for what it lacks, to ours
DEFAULTS := $(O)/kern/act/variant.bpf.o
$(O)/variant.bpf.o: $(DEFAULTS)
	$(Q)cp $< $@
$(O)/linkable.bpf.o: $(filter-out $(DEFAULTS),$(BPF_OBJ))
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $^
VARIANT := $(patsubst policy/variant/%.bpf.c,$(O)/variant/%.o,$(wildcard policy/variant/*.bpf.c))
TEST_VARIANT := $(patsubst selftests/variant/%.bpf.c,$(O)/variant/%.o,$(wildcard selftests/variant/*.bpf.c))
LINKS := $(O)/homeostat $(O)/linkable.bpf.o $(O)/variant.bpf.o $(PLUGIN_HEADERS:%=$(O)/include/homeostat/%)
link_variant = $(call say,VARIANT,$@)mkdir -p $(@D) && CLANG=$(CLANG) $(O)/homeostat policy link $< -o $@ --include $(O)/include --lib $(O) >/dev/null
$(O)/variant/%.o: policy/variant/%.bpf.c $(LINKS)
	$(link_variant)
$(O)/variant/%.o: selftests/variant/%.bpf.c $(LINKS)
	$(link_variant)

# ---- user side ----
LIB_SRC := $(wildcard user/lib/*.c)
# with the hand and the reader of slow vital signs, processes that are forked from it
DAEMON_SRC := $(filter-out user/daemon/fault.c,$(wildcard user/daemon/*.c user/daemon/*/*.c)) $(wildcard user/hand/*.c user/sense/*.c)
CLI_SRC := $(wildcard user/cli/*.c)
GUARD_SRC := $(wildcard user/guard/*.c)
ADVISER_SRC := $(wildcard user/adviser/*.c)
# the history: the historian writes it, the program homeostat reads it; the daemon has nothing of it
HISTORY_SRC := $(wildcard user/history/*.c)
STORE_SRC := $(filter-out %/main.c,$(HISTORY_SRC))
UNIT_SRC := $(wildcard selftests/unit/test_*.c)
KTEST_SRC := $(filter-out %/test_fault.c,$(wildcard selftests/kernel/test_*.c))
LOAD_SRC := $(wildcard selftests/lab/load/*.c)
obj = $(patsubst %.c,$(O)/%.o,$(1))
sanobj = $(patsubst %.c,$(O)/san/%.o,$(1))
NOMAIN := $(filter-out %/main.c,$(DAEMON_SRC) $(CLI_SRC) $(GUARD_SRC) $(HISTORY_SRC))
# no guest test has need of it
ADVISER_NOMAIN := $(filter-out %/main.c,$(ADVISER_SRC))

$(O)/%.o: %.c | $(O)/homeostat.skel.h
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(USER_CFLAGS) $(HARDEN) -MMD -MP -c $< -o $@

$(O)/san/%.o: %.c | $(O)/homeostat.skel.h
	@mkdir -p $(@D)
	$(call say,CC-SAN,$@)$(CC) $(USER_CFLAGS) $(SAN) -MMD -MP -c $< -o $@

# where the headers of policies will be, and what `homeostat policy new` writes
POLICY_DEFINES := -DHS_INCLUDE='"$(PREFIX)/include"' -DHS_LIB='"$(PREFIX)/lib/homeostat"' -DHS_MULTIARCH='"$(shell gcc -print-multiarch 2>/dev/null)"' \
	-DHS_TEMPLATES='"$(CURDIR)/policy/template"'
POLICY_CLI := $(foreach d,$(O) $(O)/san $(O)/cov,$(addprefix $(d)/user/cli/,policy_build.o policy_link.o policy_slots.o cli.o))
$(POLICY_CLI): USER_CFLAGS += $(POLICY_DEFINES)
$(POLICY_CLI): policy/template/policy.bpf.c policy/template/policy.test.c

.PHONY: programs
programs: $(POLICY) $(VARIANT) $(O)/variant.bpf.o $(O)/homeostatd $(O)/homeostat $(O)/homeostat-guard $(O)/homeostat-adviser $(O)/homeostat-historian

# an archive: each program takes what it uses, and no more
$(O)/libhomeostat.a: $(call obj,$(LIB_SRC))
$(O)/san/libhomeostat.a: $(call sanobj,$(LIB_SRC))
%/libhomeostat.a:
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(O)/homeostatd: $(call obj,$(DAEMON_SRC)) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -Wl,-Map=$@.map -o $@ $^ $(USER_LIBS)

$(O)/homeostat: $(call obj,$(CLI_SRC) $(STORE_SRC)) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(USER_LIBS) $(CLI_LIBS)

# the smallest: what it links, it has to keep in memory
$(O)/homeostat-guard: $(call obj,$(GUARD_SRC)) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ -lseccomp -lcap -lmnl

# unprivileged: no BPF in it
$(O)/homeostat-adviser: $(call obj,$(ADVISER_SRC)) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(shell pkg-config --libs json-c libcyaml yaml-0.1 libmnl 2>/dev/null)

$(O)/homeostat-historian: $(call obj,$(HISTORY_SRC)) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ -lsqlite3 $(shell pkg-config --libs json-c 2>/dev/null)

# ---- the fault build: kernel side and daemon with faults on order (kern/fault.h), for tests only ----
FAULT := $(O)/fault
faultobj = $(patsubst %.c,$(FAULT)/%.o,$(1))

$(FAULT)/%.bpf.o: %.bpf.c | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,BPF,$@)$(CLANG) $(BPF_CFLAGS) -DHS_FAULT -MMD -MP -c $< -o $@

$(FAULT)/homeostat.bpf.o: $(BPF_SRC:%.bpf.c=$(FAULT)/%.bpf.o)
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $^

$(FAULT)/homeostat.skel.h: $(FAULT)/homeostat.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name homeostat_bpf > $@

$(FAULT)/%.o: %.c | $(FAULT)/homeostat.skel.h
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -I$(FAULT) $(USER_CFLAGS) -DHS_FAULT $(HARDEN) -MMD -MP -c $< -o $@

$(FAULT)/homeostatd: $(call faultobj,$(DAEMON_SRC) user/daemon/fault.c) $(O)/libhomeostat.a
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(USER_LIBS)

# unit tests run sanitized, against sanitized objects
UNIT := $(patsubst selftests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
$(O)/unit/%: $(O)/san/selftests/unit/%.o $(call sanobj,$(NOMAIN) $(ADVISER_NOMAIN)) $(O)/san/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)$(CC) $(SAN) $(WRAP) -o $@ $^ $(USER_LIBS) $(CLI_LIBS) -lcmocka

# the one in which allocations fail
$(O)/unit/test_oom $(O)/cov/unit/test_oom: private WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strndup,--wrap=strdup
# the one with a kernel that is played
WRAP_TCP := --wrap=kernel_attach_tcp,--wrap=kernel_detach_tcp,--wrap=kernel_connections
WRAP_LOOK := --wrap=kernel_look_begin,--wrap=kernel_look,--wrap=kernel_look_end
WRAP_HOOK := --wrap=kernel_hook,--wrap=kernel_unhook
WRAP_TC := --wrap=kernel_attach_tc,--wrap=kernel_detach_tc,--wrap=kernel_qdisc,--wrap=kernel_pacer
$(O)/unit/test_arm $(O)/cov/unit/test_arm $(O)/unit/test_armed $(O)/cov/unit/test_armed: private WRAP := -Wl,--wrap=kernel_pulse,--wrap=kernel_attach_sched,--wrap=kernel_detach_sched,--wrap=kernel_attach_xdp,--wrap=kernel_detach_xdp,$(WRAP_TC),$(WRAP_TCP),$(WRAP_HOOK)
$(O)/unit/test_net $(O)/cov/unit/test_net: private WRAP := -Wl,--wrap=kernel_attach_xdp,--wrap=kernel_detach_xdp,$(WRAP_TC)
$(O)/unit/test_steer $(O)/cov/unit/test_steer: private WRAP := -Wl,--wrap=kernel_steer,--wrap=bpf_map_update_elem,--wrap=bpf_map_delete_elem
$(O)/unit/test_sensing $(O)/cov/unit/test_sensing: private WRAP := -Wl,--wrap=log_line
$(O)/unit/test_sense $(O)/cov/unit/test_sense: private WRAP := -Wl,--wrap=read_file,--wrap=log_line
$(O)/unit/test_connections $(O)/cov/unit/test_connections: private WRAP := -Wl,$(WRAP_TCP)
$(O)/unit/test_tcp_look $(O)/cov/unit/test_tcp_look: private WRAP := -Wl,$(WRAP_LOOK)
$(O)/unit/test_irqs $(O)/cov/unit/test_irqs: private WRAP := -Wl,--wrap=kernel_hook,--wrap=kernel_irqs,--wrap=kernel_irqs_anew
WRAP_XDP := --wrap=xdp_pinned,--wrap=xdp_look,--wrap=xdp_join,--wrap=xdp_leave,--wrap=xdp_program_id
$(O)/unit/test_dispatcher $(O)/cov/unit/test_dispatcher: private WRAP := -Wl,$(WRAP_XDP)
WRAP_USHER := --wrap=dispatcher_join,--wrap=dispatcher_leave,--wrap=dispatcher_look,--wrap=dispatcher_clean,--wrap=xdp_program_id,--wrap=kernel_attach_xdp,--wrap=kernel_detach_xdp
$(O)/unit/test_beside $(O)/cov/unit/test_beside: private WRAP := -Wl,$(WRAP_USHER)
$(O)/unit/test_congestion $(O)/cov/unit/test_congestion: private WRAP := -Wl,$(WRAP_HOOK)

$(O)/unit/test_plugins $(O)/cov/unit/test_plugins: private WRAP := -Wl,--wrap=kernel_plugin,--wrap=kernel_pulse,--wrap=bpf_map_update_elem,$(WRAP_HOOK)
$(O)/unit/test_plugin_link $(O)/cov/unit/test_plugin_link: private WRAP := -Wl,--wrap=bpf_link_get_info_by_fd,--wrap=bpf_prog_get_info_by_fd,--wrap=readlink

# the fuzz targets: run over their corpora by a unit test, and by libFuzzer, our code instrumented
FUZZ_SRC := $(wildcard selftests/fuzz/fuzz_*.c)
FUZZ := $(patsubst selftests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
FUZZ_S ?= 60
fuzzobj = $(patsubst %.c,$(O)/fuzz/obj/%.o,$(1))
$(O)/unit/test_fuzz: $(call sanobj,$(FUZZ_SRC))
$(O)/san/selftests/unit/test_fuzz.o: USER_CFLAGS += -DHS_CORPUS='"$(abspath selftests/fuzz/corpus)"'
KB_TESTS := test_kb test_proposal test_cli_daemon test_advice test_advice_choice test_advice_fit test_advice_machine \
	test_advice_objects test_advice_places test_adviser test_boot
$(foreach t,$(KB_TESTS),$(O)/san/selftests/unit/$(t).o $(O)/cov/selftests/unit/$(t).o): USER_CFLAGS += -DHS_POLICY='"$(abspath policy)"'
PLUGIN_TESTS := test_plugin test_policy test_variant
$(foreach t,$(PLUGIN_TESTS),$(O)/san/selftests/unit/$(t).o $(O)/cov/selftests/unit/$(t).o): USER_CFLAGS += -DHS_BUILD='"$(abspath $(O))"' -DHS_CLANG='"$(CLANG)"'
$(foreach t,$(PLUGIN_TESTS),$(O)/unit/$(t) $(O)/cov/unit/$(t)): | $(POLICY) $(TEST_POLICY) $(O)/include/homeostat/plugin_test.h
$(O)/unit/test_variant $(O)/cov/unit/test_variant: | $(LINKS) $(FAULT)/homeostat.bpf.o
$(O)/san/selftests/unit/test_profile_limits.o: USER_CFLAGS += -DHS_PROFILES='"$(abspath policy/profiles)"'

$(O)/fuzz/obj/%.o: %.c | $(O)/homeostat.skel.h
	@mkdir -p $(@D)
	$(call say,CC-FUZZ,$@)$(CLANG) $(USER_CFLAGS) $(SAN) -fsanitize=fuzzer-no-link -DHS_LIBFUZZER -MMD -MP -c $< -o $@

$(O)/fuzz/fuzz_%: $(O)/fuzz/obj/selftests/fuzz/fuzz_%.o $(call fuzzobj,$(LIB_SRC) $(filter-out %/main.c,$(DAEMON_SRC)))
	$(call say,LD-FUZZ,$@)$(CLANG) $(SAN) -fsanitize=fuzzer -o $@ $^ $(USER_LIBS)

$(O)/fuzz/fuzz_plugin: | $(POLICY) $(TEST_POLICY)

# the unit tests again, counting lines
covobj = $(patsubst %.c,$(O)/cov/%.o,$(1))
COV := -O0 -Wno-format-truncation --coverage -fprofile-abs-path -fprofile-update=atomic
COV_UNIT := $(patsubst selftests/unit/%.c,$(O)/cov/unit/%,$(UNIT_SRC))
$(O)/cov/%.o: %.c | $(O)/homeostat.skel.h
	@mkdir -p $(@D)
	$(call say,CC-COV,$@)$(CC) $(USER_CFLAGS) $(COV) -MMD -MP -c $< -o $@

$(O)/cov/selftests/unit/test_fuzz.o: USER_CFLAGS += -DHS_CORPUS='"$(abspath selftests/fuzz/corpus)"'
$(O)/cov/selftests/unit/test_profile_limits.o: USER_CFLAGS += -DHS_PROFILES='"$(abspath policy/profiles)"'
$(O)/cov/unit/test_fuzz: $(call covobj,$(FUZZ_SRC))
$(O)/cov/unit/%: $(O)/cov/selftests/unit/%.o $(call covobj,$(NOMAIN) $(ADVISER_NOMAIN) $(LIB_SRC) selftests/unit/gcov_exit.c)
	@mkdir -p $(@D)
	$(call say,LD-COV,$@)$(CC) --coverage $(WRAP) -Wl,--wrap=_exit -o $@ $^ $(USER_LIBS) $(CLI_LIBS) -lcmocka

# tests that load the kernel object; they run in the lab guest
KTEST := $(patsubst selftests/kernel/%.c,$(O)/ktest/%,$(KTEST_SRC))
$(O)/ktest/%: $(O)/selftests/kernel/%.o $(call obj,$(NOMAIN)) $(O)/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(USER_LIBS) $(CLI_LIBS) -lcmocka

$(O)/ktest/test_fault: $(call faultobj,selftests/kernel/test_fault.c) $(O)/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(USER_LIBS) -lcmocka

LOAD := $(patsubst selftests/lab/load/%.c,$(O)/lab/%,$(LOAD_SRC)) $(O)/lab/verify $(O)/lab/qemu_time.so
$(O)/lab/%: selftests/lab/load/%.c $(wildcard selftests/lab/load/*.h kern/abi*.h) | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -D_GNU_SOURCE -Ikern -Iuser/lib -I$(O) $(LIBBPF_CFLAGS) -o $@ $< \
		$(filter %.a,$^) $(if $(filter tsafe recorder reaction,$(@F)),$(LIBBPF_LIBS)) \
		$(if $(filter controller,$(@F)),$(USER_LIBS)) $(if $(filter undoenter,$(@F)),-lmnl) -lpthread -lm
$(O)/lab/undoenter $(O)/lab/controller: $(O)/libhomeostat.a
# a controller in user space that is told by a program of its own
$(O)/waits.skel.h: $(O)/selftests/lab/waits.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name waits_bpf > $@
$(O)/lab/controller: $(O)/waits.skel.h

# of no guest: scripts/vm runs QEMU with it
$(O)/lab/qemu_time.so: selftests/lab/qemu_time.c | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 $(WARN) -fPIC -shared -o $@ $<

# what the programs cost the verifier, by the daemon's loader
$(O)/lab/verify: private WRAP := -Wl,--wrap=bpf_object__load_skeleton
$(O)/lab/verify: $(O)/selftests/lab/verify.o $(call obj,$(NOMAIN)) $(O)/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDHARDEN) $(WRAP) -o $@ $^ $(USER_LIBS) $(CLI_LIBS)

# what scripts/lab growth takes into the guest; no load of the scenarios, whose root it would change
GROWTH := $(O)/growth/crowd $(O)/ktest/test_growth $(O)/bench/packets
$(O)/growth/crowd: selftests/growth/crowd.c selftests/lab/load/load.h | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -D_GNU_SOURCE $(LIBBPF_CFLAGS) -o $@ $< $(LIBBPF_LIBS) -lpthread

# the fault campaign's program, with the other scheduler that it loads
FAULTER_SRC := $(filter-out %.bpf.c,$(wildcard selftests/fault/*.c))
$(O)/other.skel.h: $(O)/selftests/fault/other.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name other_bpf > $@

$(O)/lab/faulter: $(FAULTER_SRC) $(wildcard selftests/fault/*.h selftests/lab/load/*.h kern/abi*.h) kern/fault.h \
		$(O)/other.skel.h $(O)/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -D_GNU_SOURCE -Ikern -Iuser/lib -I$(O) $(LIBBPF_CFLAGS) -o $@ \
		$(FAULTER_SRC) $(O)/libhomeostat.a $(LIBBPF_LIBS) -lmnl

# somebody else's XDP program under the same dispatcher
$(O)/neighbour.skel.h: $(O)/selftests/beside/neighbour.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name neighbour_bpf > $@
$(O)/lab/neighbour: selftests/beside/neighbour.c $(O)/neighbour.skel.h
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -D_GNU_SOURCE -I$(O) $(LIBBPF_CFLAGS) -o $@ $< $(USER_LIBS)

# what the tests of plug-ins do to one that is loaded
$(O)/lab/policytool: selftests/plugin/policytool.c $(wildcard selftests/lab/load/*.h kern/abi*.h) | $(O)/deps/config.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -O2 -g $(RELATIVE) $(WARN) -D_GNU_SOURCE -Ikern -Iselftests/lab/load $(LIBBPF_CFLAGS) -o $@ $< \
		$(LIBBPF_LIBS) -lpthread

# what scripts/bench has beside the loads: the daemon's loader, and an empty program
BENCH := $(O)/bench/sensors $(O)/bench/packets $(O)/bench/acks $(O)/bench/acks_native $(O)/bench/sockets $(O)/bench/slots $(O)/bench/points
$(O)/empty.skel.h: $(O)/selftests/bench/empty.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name empty_bpf > $@

$(O)/selftests/bench/sensors.o: $(O)/empty.skel.h
$(O)/acks.skel.h: $(O)/selftests/bench/acks.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name acks_bpf > $@
$(O)/selftests/bench/acks.o: $(O)/acks.skel.h
$(O)/cubic.skel.h: $(O)/selftests/bench/cubic.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name cubic_bpf > $@
$(O)/selftests/bench/acks_native.o: $(O)/cubic.skel.h
$(O)/points.skel.h: $(O)/selftests/bench/points.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name points_bpf > $@
$(O)/selftests/bench/points.o: $(O)/points.skel.h
# the reflex without the pulse
$(O)/slots.bpf.o: $(O)/kern/state.bpf.o $(O)/kern/reflex.bpf.o $(O)/selftests/bench/slots.bpf.o
	$(call say,BPFLINK,$@)$(BPFTOOL) gen object $@ $^
$(O)/slots.skel.h: $(O)/slots.bpf.o
	$(call say,SKEL,$@)$(BPFTOOL) gen skeleton $< name slots_bpf > $@
$(O)/selftests/bench/slots.o: $(O)/slots.skel.h
$(O)/bench/%: $(O)/selftests/bench/%.o $(call obj,$(NOMAIN)) $(O)/libhomeostat.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDHARDEN) -o $@ $^ $(USER_LIBS) $(CLI_LIBS)

# what whoever follows the guide has made on the host, for the guest
$(O)/guide/prompt.bpf.o: docs/write-a-reflex.md selftests/lab/test_guide.py $(O)/homeostat $(O)/linkable.bpf.o $(O)/variant.bpf.o $(PLUGIN_HEADERS:%=$(O)/include/homeostat/%)
	@mkdir -p $(@D)
	$(call say,GUIDE,$@)O=$(O) selftests/lab/test_guide.py --in $(@D)

.PHONY: tests
tests: programs $(TEST_POLICY) $(TEST_VARIANT) $(O)/guide/prompt.bpf.o $(UNIT) $(KTEST) $(O)/ktest/test_fault $(FAULT)/homeostatd $(LOAD) $(O)/lab/faulter $(O)/lab/neighbour $(O)/lab/policytool $(GROWTH) $(BENCH)
.SECONDARY:

# ---- man pages ----
DOCS := $(patsubst docs/%.scd,$(O)/docs/%,$(wildcard docs/*.scd))
.PHONY: docs
docs: $(DOCS)

# names, units and meanings come out of the program, that is out of abi.h; the date out of the history
$(O)/docs/%: docs/%.scd $(O)/homeostat
	@mkdir -p $(@D)
	$(call say,MAN,$@)$(O)/homeostat help-tables < $< > $@.scd && \
		SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) scdoc < $@.scd > $@ && rm $@.scd

# ---- what people call ----
.PHONY: setup run test test-long fault helping effects lab lab-check lab-growth bench bench-packets bench-acks bench-policies bench-sockets check fuzz coverage format format-check lint install clean
setup:
	$(Q)O=$(O) scripts/setup

run:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs $(LOAD)
	$(Q)O=$(O) scripts/run

test:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory all tests
	$(Q)O=$(O) scripts/test

# all tests, also those of many minutes
test-long:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory all tests
	$(Q)O=$(O) scripts/test --long

# the whole campaign, and its table in the documentation
fault:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs tests
	$(Q)O=$(O) scripts/fault --doc docs/fault-campaign.md

# an hour of virtual time for each profile
helping:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs tests
	$(Q)O=$(O) scripts/helping --doc docs/helping.md

# what parameters do, and its table in the documentation
effects:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs tests
	$(Q)O=$(O) scripts/effects --doc docs/effects.md

# experiments in virtual time: scripts/lab --help
SCENARIOS ?= $(basename $(notdir $(wildcard selftests/lab/*.yaml)))
lab lab-check:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs $(LOAD)
	$(Q)O=$(O) scripts/lab $(if $(filter lab,$@),run,check) $(SCENARIOS)

lab-growth:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs $(LOAD) $(GROWTH)
	$(Q)O=$(O) scripts/lab growth

# what a packet costs here
bench-packets:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory $(O)/bench/packets
	$(Q)$(O)/bench/packets

# what an acknowledgement costs, here and in instructions
bench-acks:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory $(O)/bench/acks $(O)/bench/acks_native $(O)/lab/qemu_time.so
	$(Q)$(O)/bench/acks_native
	$(Q)scripts/vm mkrootfs -o $(O)/bench/acks.cpio -M tcp_bbr $(O)/bench/acks:/lab/bin/acks
	$(Q)scripts/vm -t 900 -i $(O)/bench/acks.cpio -- /bin/sh -c 'insmod /lib/modules/$$(uname -r)/tcp_bbr.ko; /lab/bin/acks'

# what plug-ins and variants cost: in a guest, in instructions; a decision also here
bench-policies:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory $(O)/bench/slots $(O)/bench/points $(POLICY) $(TEST_POLICY) $(O)/lab/qemu_time.so
	$(Q)$(O)/bench/points
	$(Q)scripts/vm mkrootfs -o $(O)/bench/policies.cpio $(O)/bench/slots:/lab/slots $(O)/bench/points:/lab/points \
		$(O)/policy/pi.bpf.o:/lab/pi.bpf.o $(O)/plugin/hostile.bpf.o:/lab/hostile.bpf.o
	$(Q)scripts/vm -t 900 -k scx -i $(O)/bench/policies.cpio -- /bin/sh -c '/lab/points 21; for p in hostile pi; do /lab/slots /lab/$$p.bpf.o 21; done'

# what a look at TCP connections costs here
bench-sockets:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory $(O)/bench/sockets
	$(Q)$(O)/bench/sockets

# what observing costs, here and in instructions
bench:
	$(Q)O=$(O) scripts/setup
	$(Q)$(MAKE) --no-print-directory programs $(LOAD) $(BENCH)
	$(Q)O=$(O) scripts/bench --doc docs/overhead.md

check: format-check lint $(UNIT) $(O)/homeostat
	$(Q)O=$(O) scripts/test --unit

fuzz: $(FUZZ)
	$(Q)O=$(O) scripts/fuzz --seconds $(FUZZ_S)

coverage: $(COV_UNIT)
	$(Q)O=$(O) scripts/coverage

C_FILES = $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h')
format:
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)
format-check: | $(O)/deps/config.mk
	$(call say,FORMAT,check)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)
GUARDED := $(addprefix user/guard/,guard.c guard.h main.c restorer.c)
lint:
	$(Q)n=$$(cat $(GUARDED) | wc -l); test $$n -le 500 || { echo "the guard has $$n lines, 500 are its limit" >&2; exit 1; }
	$(call say,LINT,python)pyflakes3 scripts/lab scripts/bench scripts/labkit/*.py selftests/lab/*.py
	$(call say,LINT,scripts)shellcheck -x $$(git ls-files --cached --others --exclude-standard 'scripts/*' 'selftests/*.sh' ':!scripts/lab' ':!scripts/bench' ':!*.py' .ci/run packaging/homeostat.bash)

install: all
	install -D -m 0755 $(O)/homeostatd $(DESTDIR)$(PREFIX)/sbin/homeostatd
	install -D -m 0755 $(O)/homeostat-guard $(DESTDIR)$(PREFIX)/sbin/homeostat-guard
	install -D -m 0755 $(O)/homeostat-adviser $(DESTDIR)$(PREFIX)/bin/homeostat-adviser
	install -D -m 0755 $(O)/homeostat-historian $(DESTDIR)$(PREFIX)/sbin/homeostat-historian
	install -D -m 0755 $(O)/homeostat $(DESTDIR)$(PREFIX)/bin/homeostat
	for p in policy/profiles/*.yaml; do install -D -m 0644 $$p $(DESTDIR)$(SYSCONFDIR)/homeostat/profiles/$${p##*/}; done
	for h in $(PLUGIN_HEADERS); do install -D -m 0644 kern/$$h $(DESTDIR)$(PREFIX)/include/homeostat/$$h; done
	install -D -m 0644 $(O)/linkable.bpf.o $(DESTDIR)$(PREFIX)/lib/homeostat/linkable.bpf.o
	install -D -m 0644 $(DEFAULTS) $(DESTDIR)$(PREFIX)/lib/homeostat/variant.bpf.o
	for v in $(VARIANT); do install -D -m 0644 $$v $(DESTDIR)$(PREFIX)/lib/homeostat/variants/$${v##*/}; done
	for p in $(POLICY); do install -D -m 0644 $$p $(DESTDIR)$(PREFIX)/lib/homeostat/policies/$${p##*/}; done
	for f in docs/write-a-reflex.md policy/reflex/*.bpf.c policy/variant/*.bpf.c; do \
		install -D -m 0644 $$f $(DESTDIR)$(PREFIX)/share/doc/homeostat/$${f#docs/} || exit 1; done
	install -D -m 0644 policy/parameters.yaml $(DESTDIR)$(PREFIX)/share/homeostat/parameters.yaml
	for u in homeostatd homeostat-adviser homeostat-historian homeostat-boot; do \
		install -D -m 0644 packaging/$$u.service $(DESTDIR)$(PREFIX)/lib/systemd/system/$$u.service && \
		sed -i 's,/usr/\(s\?bin/homeostat\),$(PREFIX)/\1,g; s,/etc/homeostat,$(SYSCONFDIR)/homeostat,g' \
			$(DESTDIR)$(PREFIX)/lib/systemd/system/$$u.service || exit 1; done
	install -D -m 0644 packaging/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/homeostat.conf
	install -D -m 0644 packaging/homeostat.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/homeostat
	for m in $(DOCS); do install -D -m 0644 $$m $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	$(Q)find $(O) -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true

-include $(shell test -d $(O) && find $(O) -name '*.d' -not -path '$(O)/deps/*' 2>/dev/null)
