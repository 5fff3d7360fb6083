// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Loading a policy for a slot, and what the verifier says of it, in one line. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_file.h"

#define LOG_SIZE (1024U * 1024) /* a longer log has its end only, which is what counts */

/* Lines after the reason: states, and statistics. */
static bool is_tail(const char *line, size_t len)
{
	static const char *const tails[] = {"processed ",    "verification time", "stack depth",
					    "cur state:",    "old state:",	  "-- END",
					    "mark_precise: "};

	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		if (!strncmp(line, tails[i], strlen(tails[i])))
			return true;
	}
	return !len;
}

/*
 * The last line that is a word of the verifier's, and the last line of source before it: "; TEXT @ FILE:LINE", on older kernels
 * "; TEXT". Both point into the log; NULL = none.
 */
static void find_reason(const char *log, const char **source, const char **reason)
{
	static const char verdict[] = "Verification failed: "; /* 7.3: the same again, at length */
	const char *at = NULL;

	*source = *reason = NULL;
	for (const char *line = log; *line;) {
		size_t len = strcspn(line, "\n");

		if (!strncmp(line, verdict, strlen(verdict)))
			break;
		if (len > 2 && !strncmp(line, "; ", 2)) {
			at = line + 2;
		} else if (!is_tail(line, len)) {
			*reason = line;
			*source = at;
		}
		line += len + (line[len] == '\n');
	}
}

void plugin_reason(const char *log, char *text, size_t size)
{
	const char *source, *reason, *place = NULL;
	size_t len;

	find_reason(log, &source, &reason);
	if (!reason) {
		snprintf(text, size, "without a word");
		return;
	}
	if (!source) {
		snprintf(text, size, "%.*s", (int)strcspn(reason, "\n"), reason);
		return;
	}
	len = strcspn(source, "\n");
	/* the last " @ ": there may be one in the source, too */
	for (size_t i = 0; i + 3 < len; i++) {
		if (!strncmp(source + i, " @ ", 3))
			place = source + i;
	}
	if (place)
		snprintf(text, size, "%.*s: %.*s, at `%.*s`",
			 (int)(len - (size_t)(place + 3 - source)), place + 3,
			 (int)strcspn(reason, "\n"), reason, (int)(place - source), source);
	else
		snprintf(text, size, "%.*s, at `%.*s`", (int)strcspn(reason, "\n"), reason,
			 (int)len, source);
}

static int ask(struct plugin *p, int pulse_fd, __u32 slot, char *error, size_t size)
{
	char target[32], reason[512];
	int err;

	snprintf(target, sizeof(target), PLUGIN_TARGET "%u", slot);
	err = bpf_program__set_attach_target(p->prog, pulse_fd, target);
	if (err) {
		snprintf(error, size,
			 "%s: the pulse has no slot %u that could be asked for (%s): is homeostatd "
			 "of this version?",
			 p->policy.name, slot, strerror(-err));
		return err;
	}
	bpf_program__set_log_buf(p->prog, p->log, LOG_SIZE);
	err = bpf_object__load(p->obj);
	if (!err)
		return 0;
	plugin_clean(p->log, "\n\t");
	if (!*p->log) {
		snprintf(error, size, "%s: the kernel does not load it: %s", p->policy.name,
			 *plugin_complaint() ? plugin_complaint() : strerror(-err));
		return err;
	}
	plugin_reason(p->log, reason, sizeof(reason));
	plugin_clean(reason, "");
	snprintf(error, size, "%s: the verifier refuses it: %s", p->policy.name, reason);
	return err;
}

__u32 plugin_work_max(const struct plugin *p)
{
	for (int i = 0; i < PLUGIN_CALL_NR; i++) {
		if (p->calls[i])
			return PLUGIN_WORK_CALLS;
	}
	return PLUGIN_WORK_MAX;
}

/* What it has become in the kernel. */
static int weigh(struct plugin *p, char *error, size_t size)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(p->obj, ".data.state");
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info), max = plugin_work_max(p);
	int err = bpf_prog_get_info_by_fd(bpf_program__fd(p->prog), &info, &len);

	if (err) {
		snprintf(error, size, "%s: what the verifier did is not told: %s", p->policy.name,
			 strerror(-err));
		return err;
	}
	p->insns = info.xlated_prog_len / sizeof(struct bpf_insn);
	p->work = info.verified_insns;
	if (p->work > max) {
		snprintf(error, size,
			 "%s: too much work: the verifier walks through %u instructions, %u are "
			 "allowed%s; make its loops shorter",
			 p->policy.name, p->work, max,
			 max < PLUGIN_WORK_MAX ? " to one that calls helpers" : "");
		return -E2BIG;
	}
	p->prog_fd = bpf_program__fd(p->prog);
	p->state_fd = map ? bpf_map__fd(map) : -1;
	return 0;
}

int plugin_load(struct plugin *p, int pulse_fd, __u32 slot, char *error, size_t size)
{
	int err;

	if (!p->prog || slot >= HS_SLOTS || p->log)
		return -EINVAL;
	p->log = calloc(1, LOG_SIZE);
	if (!p->log)
		return -ENOMEM;
	plugin_quiet();
	err = ask(p, pulse_fd, slot, error, size);
	plugin_loud();
	if (!err)
		err = weigh(p, error, size);
	if (err) {
		/* nothing of it stays in the kernel */
		bpf_object__close(p->obj);
		p->obj = NULL;
		p->prog = NULL;
	}
	if (!*p->log) {
		free(p->log);
		p->log = NULL;
	}
	return err;
}

int plugin_attach(struct plugin *p)
{
	return p->prog_fd < 0 ? -EINVAL : bpf_link_create(p->prog_fd, 0, 0, NULL);
}
