// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What a client hands over as a plug-in in one of our slots, and what of it the daemon takes: a kernel that is played tells of it. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "../../kern/plugin.h"
#include "kernel.h"

#define LINK 3
#define PROG 4

/* What the kernel tells: right, unless a test says otherwise. */
static struct bpf_link_info link_info;
static struct bpf_prog_info prog_info;
static const char *link_kind, *prog_kind;
static int link_err, prog_err;
static struct kernel kernel;

ssize_t __wrap_readlink(const char *path, char *text, size_t size);
ssize_t __real_readlink(const char *path, char *text, size_t size);
int __wrap_bpf_link_get_info_by_fd(int fd, struct bpf_link_info *info, __u32 *size);
int __wrap_bpf_prog_get_info_by_fd(int fd, struct bpf_prog_info *info, __u32 *size);

ssize_t __wrap_readlink(const char *path, char *text, size_t size)
{
	const char *kind;
	size_t len;

	if (strcmp(path, "/proc/self/fd/3") && strcmp(path, "/proc/self/fd/4"))
		return __real_readlink(path, text, size);
	kind = strcmp(path, "/proc/self/fd/3") ? prog_kind : link_kind;
	len = strlen(kind) < size ? strlen(kind) : size;
	memcpy(text, kind, len);
	return (ssize_t)len;
}

int __wrap_bpf_link_get_info_by_fd(int fd, struct bpf_link_info *info, __u32 *size)
{
	assert_int_equal(fd, LINK);
	assert_int_equal(*size, sizeof(*info));
	*info = link_info;
	return link_err;
}

int __wrap_bpf_prog_get_info_by_fd(int fd, struct bpf_prog_info *info, __u32 *size)
{
	assert_int_equal(fd, PROG);
	assert_int_equal(*size, sizeof(*info));
	*info = prog_info;
	return prog_err;
}

static int setup(void **state)
{
	(void)state;
	kernel = (struct kernel){.pulse_id = 20, .slot_type = {30, 31}};
	link_info = (struct bpf_link_info){.type = BPF_LINK_TYPE_TRACING, .prog_id = 50};
	link_info.tracing.target_obj_id = 20;
	link_info.tracing.target_btf_id = 31;
	prog_info = (struct bpf_prog_info){
		.type = BPF_PROG_TYPE_EXT, .id = 50, .verified_insns = PLUGIN_WORK_MAX};
	link_kind = "anon_inode:bpf_link";
	prog_kind = "anon_inode:bpf-prog";
	link_err = prog_err = 0;
	return 0;
}

static void refused(int err, const char *why)
{
	struct kernel_plugin p = {.slot = 99};
	char text[160] = "";

	assert_int_equal(kernel_plugin(&kernel, LINK, PROG, &p, text, sizeof(text)), err);
	if (!strstr(text, why))
		fail_msg("'%s' does not say '%s'", text, why);
	setup(NULL);
}

static void the_right_one_is_taken(void **state)
{
	struct kernel_plugin p;
	char why[160];

	(void)state;
	assert_int_equal(kernel_plugin(&kernel, LINK, PROG, &p, why, sizeof(why)), 0);
	assert_int_equal(p.slot, 1);
	assert_int_equal(p.prog, 50);
	assert_int_equal(p.work, PLUGIN_WORK_MAX);
	link_info.tracing.target_btf_id = 30;
	assert_int_equal(kernel_plugin(&kernel, LINK, PROG, &p, why, sizeof(why)), 0);
	assert_int_equal(p.slot, 0);
}

static void others_are_refused(void **state)
{
	(void)state;
	link_kind = "anon_inode:bpf-map"; /* whose figures might well fit */
	refused(-EINVAL, "a link and its program");
	link_kind = "/dev/null";
	refused(-EINVAL, "a link and its program");
	prog_kind = "anon_inode:bpf_link";
	refused(-EINVAL, "a link and its program");
	prog_kind = "anon_inode:bpf-prog of another kind altogether";
	refused(-EINVAL, "a link and its program");
	link_err = -EPERM;
	refused(-EPERM, "does not tell");
	prog_err = -EPERM;
	refused(-EPERM, "does not tell");
	link_info.type = BPF_LINK_TYPE_XDP;
	refused(-EINVAL, "no function");
	prog_info.type = BPF_PROG_TYPE_TRACING;
	refused(-EINVAL, "no function");
	prog_info.id = 51; /* another one's link */
	refused(-EINVAL, "no function");
	link_info.tracing.target_obj_id = 21; /* another pulse */
	refused(-EACCES, "in no slot");
	link_info.tracing.target_btf_id = 32; /* another function of ours */
	refused(-EACCES, "in no slot");
	prog_info.verified_insns = PLUGIN_WORK_MAX + 1;
	refused(-E2BIG, "20001 instructions of it; 20000 are allowed");
	prog_info.verified_insns = 0; /* a kernel that does not tell */
	refused(-E2BIG, "0 instructions");
	/* a pulse that is not known is nobody's */
	kernel.pulse_id = link_info.tracing.target_obj_id = 0;
	refused(-EACCES, "in no slot");
	kernel.slot_type[1] = link_info.tracing.target_btf_id = 0;
	refused(-EACCES, "in no slot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_right_one_is_taken, setup),
		cmocka_unit_test_setup(others_are_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
