// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The declared workloads of a profile. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "parse.h"
#include "profile_check.h"

#define PID_MAX (1ULL << 22)
#define TIME_MAX 60000000000ULL /* a period of a minute is no real-time work */

static int check_name(struct place at, const struct profile *profile, const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	at.key = "name";
	if (!*name || strlen(name) >= sizeof(profile->workload->workload.name) ||
	    name[strspn(name, allowed)])
		return check_wrong(at,
				   "bad workload name '%.64s'; expected at most %zu of a-z A-Z "
				   "0-9 - _ .",
				   name, sizeof(profile->workload->workload.name) - 1);
	if (!strcmp(name, "homeostatd"))
		return check_wrong(at, "'homeostatd' is the daemon's own workload; expected "
				       "another name");
	for (__u32 i = 0; i < profile->workload_nr; i++) {
		if (!strcmp(profile->workload[i].workload.name, name))
			return check_wrong(at,
					   "workload '%s' stands twice, first in line %u; "
					   "expected once",
					   name, profile->workload[i].line);
	}
	return 0;
}

/* The same declaration in two workloads would make the class depend on their order. */
static int check_unique(struct place at, const struct profile *profile,
			const struct profile_match *match)
{
	for (__u32 i = 0; i < profile->workload_nr; i++) {
		const struct profile_workload *w = &profile->workload[i];

		for (__u32 j = 0; j < w->match_nr; j++) {
			if (w->match[j].kind == match->kind && w->match[j].pid == match->pid &&
			    !strcmp(w->match[j].text, match->text))
				return check_wrong(at,
						   "workload '%s' in line %u matches the same; "
						   "expected each match once",
						   w->workload.name, w->line);
		}
	}
	return 0;
}

/* Absolute, clean, below the cgroup root: "/a/b", no "..", no "//". */
static bool cgroup_path_ok(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len >= PROFILE_MATCH_LEN || (len > 1 && path[len - 1] == '/'))
		return false;
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t part = strcspn(p + 1, "/");

		if (!part && p[1])
			return false;
		if ((part == 1 && p[1] == '.') || (part == 2 && p[1] == '.' && p[2] == '.'))
			return false;
	}
	return true;
}

static int add_match(struct place at, const struct profile *profile, struct profile_workload *w,
		     enum hs_match_kind kind, const char *text)
{
	struct profile_match *match = &w->match[w->match_nr];

	if (!text)
		return 0;
	memset(match, 0, sizeof(*match));
	match->kind = kind;
	switch (kind) {
	case HS_MATCH_CGROUP:
		at.key = "cgroup";
		if (!cgroup_path_ok(text))
			return check_wrong(at,
					   "bad cgroup '%.64s'; expected a path from the "
					   "cgroup root such as /system.slice/a.service",
					   text);
		break;
	case HS_MATCH_COMM:
		at.key = "comm";
		if (!*text || strlen(text) >= HS_COMM_LEN)
			return check_wrong(at,
					   "bad command name '%.64s'; expected 1 to %d bytes, "
					   "as in /proc/PID/comm",
					   text, HS_COMM_LEN - 1);
		break;
	default:
		at.key = "pid";
		if (check_quantity(at, text, UNIT_COUNT, 1, PID_MAX, &match->pid))
			return -EINVAL;
	}
	if (kind != HS_MATCH_PID)
		strcpy(match->text, text);
	w->match_nr++;
	return check_unique(at, profile, match);
}

static int check_timing(struct place at, const struct workload_text *text, struct hs_workload *w)
{
	__u64 limit;

	at.key = "period";
	if (check_quantity(at, text->period, UNIT_NS, 1000, TIME_MAX, &w->period_ns))
		return -EINVAL;
	at.key = "deadline";
	if (check_quantity(at, text->deadline, UNIT_NS, 1000, TIME_MAX, &w->deadline_ns))
		return -EINVAL;
	at.key = "runtime";
	if (check_quantity(at, text->runtime, UNIT_NS, 1000, TIME_MAX, &w->runtime_ns))
		return -EINVAL;
	if (w->class != HS_CLASS_CRITICAL && (text->period || text->deadline || text->runtime)) {
		at.key = text->period ? "period" : text->deadline ? "deadline" : "runtime";
		return check_wrong(at, "'%s' for class %s; expected it with class critical only",
				   at.key, class_name(w->class));
	}
	at.key = "deadline";
	if (w->period_ns && w->deadline_ns > w->period_ns)
		return check_wrong(at, "deadline is longer than period; expected runtime <= "
				       "deadline <= period");
	at.key = "runtime";
	limit = w->deadline_ns ? w->deadline_ns : w->period_ns;
	if (limit && w->runtime_ns > limit)
		return check_wrong(at,
				   "runtime is longer than %s; expected runtime <= deadline "
				   "<= period",
				   w->deadline_ns ? "deadline" : "period");
	return 0;
}

static int check_place(struct place at, const struct workload_text *text, struct hs_workload *w)
{
	__u64 criticality = 0;
	int err;

	at.key = "criticality";
	if (check_quantity(at, text->criticality, UNIT_COUNT, 0, 1000, &criticality))
		return -EINVAL;
	w->criticality = (__u32)criticality;
	at.key = "isolation";
	if (text->isolation) {
		w->isolation = !strcmp(text->isolation, "true");
		if (!w->isolation && strcmp(text->isolation, "false"))
			return check_wrong(at, "'isolation: %.32s'; expected true or false",
					   text->isolation);
	}
	if (w->isolation && !text->cpus)
		return check_wrong(at,
				   "isolation without cpus keeps nothing free; expected cpus too");
	at.key = "cpus";
	if (!text->cpus)
		return 0;
	err = parse_cpus(text->cpus, w->cpus, HS_CPUS_MAX / 64);
	if (err || *text->cpus < '0' || *text->cpus > '9')
		return check_wrong(at, "'cpus: %.64s' is %s; expected a list such as \"0-3,8\"",
				   text->cpus,
				   err == -ERANGE ? "out of bounds" : "not a list of CPUs");
	return 0;
}

static int check_workload(struct profile_file *file, struct profile *profile, int index)
{
	const struct workload_text *text = &file->text->workloads[index];
	struct profile_workload *w = &profile->workload[index];
	struct place at = {file, "workloads", index, NULL};
	int class = class_find(text->class);

	w->line = yaml_file_line(&file->yaml, "workloads", index, NULL);
	if (check_name(at, profile, text->name))
		return -EINVAL;
	strcpy(w->workload.name, text->name);
	at.key = "class";
	if (class < 0)
		return check_wrong(at, "unknown class '%.32s'; expected critical, normal or batch",
				   text->class);
	w->workload.class = class;
	if (add_match(at, profile, w, HS_MATCH_CGROUP, text->match->cgroup) ||
	    add_match(at, profile, w, HS_MATCH_COMM, text->match->comm) ||
	    add_match(at, profile, w, HS_MATCH_PID, text->match->pid))
		return -EINVAL;
	at.key = "match";
	if (!w->match_nr)
		return check_wrong(at, "match of '%s' is empty; expected cgroup, comm or pid",
				   text->name);
	if (check_timing(at, text, &w->workload))
		return -EINVAL;
	return check_place(at, text, &w->workload);
}

int check_workloads(struct profile_file *file, struct profile *profile)
{
	unsigned int nr = file->text->workloads_count;
	int err = 0;

	if (!nr)
		return 0;
	profile->workload = calloc(nr, sizeof(*profile->workload));
	if (!profile->workload)
		return -ENOMEM;
	for (; !err && profile->workload_nr < nr; profile->workload_nr++)
		err = check_workload(file, profile, (int)profile->workload_nr);
	return err;
}
