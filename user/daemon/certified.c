// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "certified.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "clock.h"
#include "daemon.h"
#include "json.h"
#include "log.h"
#include "names.h"
#include "parse.h"
#include "trust.h"
#include "../lib/plugin.h"

#define load(p) __atomic_load_n(p, __ATOMIC_RELAXED)

/* ---- start ---- */

/* Is a file that the command line names, too, the one of the manifest? */
static bool is_named(const char *path, const char *certified)
{
	char real[PATH_MAX];

	return realpath(path, real) && !strcmp(real, certified);
}

/* The command line may repeat what the manifest says, and say nothing else. */
static int refuse_options(const struct options *opt, const struct manifest *m, char *error,
			  size_t size)
{
	const char *profile = m->path[MANIFEST_PROFILE], *kb = m->path[MANIFEST_PARAMETERS];

	if (opt->variant)
		snprintf(error, size, "--variant %s: a manifest names our own scheduler",
			 opt->variant);
	else if (opt->mode_named && opt->mode != HS_MODE_ACT)
		snprintf(error, size, "--mode %s: what a manifest names acts",
			 mode_name(opt->mode));
	else if (opt->profile && !is_named(opt->profile, profile))
		snprintf(error, size, "--profile %s: the manifest %s names %s", opt->profile,
			 opt->manifest, profile);
	else if (opt->kb_named && !is_named(opt->kb, kb))
		snprintf(error, size, "--kb %s: the manifest %s names %s", opt->kb, opt->manifest,
			 kb);
	else
		return 0;
	return -EINVAL;
}

static int refuse_file(const char *path, char *error, size_t size)
{
	const char *why = untrusted_file(path);

	if (!why)
		return 0;
	snprintf(error, size, "%s: %s", path, why);
	return access(path, F_OK) ? -errno : -EPERM;
}

/* Made again of the files as they are: nobody but root can have changed them, and nobody has. */
static int compare(const struct certified *c, char *error, size_t size)
{
	static struct manifest found; /* large */
	struct manifest_parts parts = {0};
	int err = 0;

	parts.object = kernel_object(&parts.object_len);
	parts.profile = c->manifest.path[MANIFEST_PROFILE];
	parts.parameters = c->manifest.path[MANIFEST_PARAMETERS];
	for (__u32 i = 0; i < HS_SLOTS && c->manifest.value[MANIFEST_POLICY_0 + i][0]; i++)
		parts.policy[i] = c->manifest.path[MANIFEST_POLICY_0 + i];
	for (int i = 0; i < MANIFEST_ITEM_NR && !err; i++)
		if (c->manifest.path[i][0])
			err = refuse_file(c->manifest.path[i], error, size);
	if (!err)
		err = manifest_make(&found, &parts, error, size);
	if (!err && manifest_differs(&c->manifest, &found, error, size))
		err = -EPERM;
	return err;
}

int certified_begin(struct homeostatd *d)
{
	struct certified *c = &d->certified;
	char error[2 * PATH_MAX + 512], path[PATH_MAX];
	int err;

	if (!d->opt.manifest)
		return 0;
	err = path_absolute(path, sizeof(path), d->opt.manifest);
	if (err)
		snprintf(error, sizeof(error), "%s: %s", d->opt.manifest, strerror(-err));
	else
		err = refuse_file(path, error, sizeof(error));
	if (!err)
		err = manifest_read(&c->manifest, path, error, sizeof(error));
	if (!err)
		err = refuse_options(&d->opt, &c->manifest, error, sizeof(error));
	if (!err)
		err = compare(c, error, sizeof(error));
	if (err) {
		log_error("certified mode: %s", error);
		return err;
	}
	c->on = true;
	d->opt.profile = c->manifest.path[MANIFEST_PROFILE];
	d->opt.kb = c->manifest.path[MANIFEST_PARAMETERS];
	d->opt.mode = HS_MODE_ACT;
	return 0;
}

static void take_offer(struct plugin_offer *offer, const struct homeostat_policy *policy,
		       enum plugin_part as)
{
	*offer = (struct plugin_offer){.keeps_state = policy->flags & KEEPS_STATE, .as = as};
	memcpy(offer->name, policy->name, sizeof(offer->name));
	memcpy(offer->about, policy->about, sizeof(offer->about));
	memcpy(offer->reads, policy->reads, sizeof(offer->reads));
	memcpy(offer->turns, policy->turns, sizeof(offer->turns));
}

/* The bytes that are loaded are those that have the hash. */
static int load_policy(struct homeostatd *d, __u32 i, char *error, size_t size)
{
	struct certified *c = &d->certified;
	const enum manifest_item item = MANIFEST_POLICY_0 + i;
	char hash[MANIFEST_HASH_LEN + 1];
	struct plugin p = {0};
	size_t len = 0;
	char *elf = manifest_file(c->manifest.path[item], &len);
	int err = elf ? 0 : -errno, link;

	snprintf(error, size, "%s: %s", c->manifest.path[item], strerror(-err));
	if (!err) {
		manifest_hash(elf, len, hash);
		if (strcmp(hash, c->manifest.value[item])) {
			snprintf(error, size, "%s was changed just now", c->manifest.path[item]);
			err = -EPERM;
		}
	}
	if (!err)
		err = plugin_open_mem(&p, elf, len, c->manifest.path[item], error, size);
	if (!err)
		err = plugin_load(&p, kernel_pulse_prog(&d->kernel), i, error, size);
	if (!err) {
		link = plugin_attach(&p);
		err = link < 0 ? link : 0;
		snprintf(error, size, "%s: %s", c->manifest.path[item], strerror(-err));
	}
	if (!err) {
		c->policy[i] =
			(struct descriptors){{link, fcntl(p.prog_fd, F_DUPFD_CLOEXEC, 0)}, 2};
		take_offer(&c->offer[i], &p.policy, i ? PLUGIN_SHADOW : PLUGIN_FULL);
	}
	plugin_close(&p);
	free(elf);
	return err;
}

int certified_load(struct homeostatd *d)
{
	struct certified *c = &d->certified;
	__u8 hash[DECISION_HASH_LEN];
	char error[2 * PATH_MAX + 512];
	int err, ring_fd, decisions_fd;

	if (!c->on)
		return 0;
	/* profile and knowledge base have been read since then */
	err = compare(c, error, sizeof(error));
	if (err) {
		log_error("certified mode: while it was loaded: %s", error);
		return err;
	}
	decisions_fd = kernel_decisions(&d->kernel, &ring_fd);
	manifest_bytes(&c->manifest, hash);
	err = clerk_start(&c->clerk, d->opt.state, decisions_fd, ring_fd, hash, c->log, error,
			  sizeof(error));
	if (err) {
		log_error("certified mode: log of decisions: %s", error);
		return err;
	}
	log_info("certified mode: decisions are logged to %s/" DECISIONS_DIR "/%s", d->opt.state,
		 c->log);
	for (__u32 i = 0; i < HS_SLOTS && c->manifest.value[MANIFEST_POLICY_0 + i][0] && !err;
	     i++) {
		err = load_policy(d, i, error, sizeof(error));
		if (err)
			log_error("certified mode: %s", error);
		else
			c->policies++;
	}
	return err;
}

int certified_seat(struct homeostatd *d)
{
	struct certified *c = &d->certified;
	char error[512];
	int err = 0;

	for (__u32 i = 0; i < c->policies && err >= 0; i++) {
		err = plugins_load(d, &c->offer[i], &c->policy[i], error, sizeof(error));
		if (err < 0)
			log_error("certified mode: %s", error);
	}
	return err < 0 ? err : 0;
}

/* ---- what is refused ---- */

bool certified_refuses(const struct homeostatd *d, const char *verb, struct json_object *request,
		       char *why, size_t size)
{
	static const char *const refused[] = {"wish",	     "unwish",	     "profile_load",
					      "reload",	     "propose",	     "approve",
					      "policy_load", "policy_unload"};
	bool is = false;

	if (!d->certified.on)
		return false;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		is |= !strcmp(verb, refused[i]);
	if (!strcmp(verb, "mode"))
		is = mode_find(js_str(request, "mode")) > (int)d->mode;
	if (is)
		snprintf(why, size,
			 "certified mode (manifest %.12s…): %s is refused, as what decides was "
			 "certified; start homeostatd without --manifest to change it",
			 d->certified.manifest.hash, verb);
	return is;
}

/* ---- constraints ---- */

static void violated(struct certified_count *count, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void violated(struct certified_count *count, const char *fmt, ...)
{
	va_list ap;

	count->violated++;
	va_start(ap, fmt);
	vsnprintf(count->last, sizeof(count->last), fmt, ap);
	va_end(ap);
}

static void look_limits(const struct homeostatd *d, struct certified_count *count)
{
	const struct profile *profile = &d->policy.profile;

	for (__u32 i = 0; i < profile->config.limits_nr && d->armed; i++) {
		const struct hs_limit *limit = &profile->config.limit[i];
		const struct hs_vital *vital = &d->kernel.vitals[limit->vital];
		__u64 most = policy_limit(&d->policy, profile, i), value = load(&vital->value);

		if (!load(&vital->present))
			continue;
		count->checked++;
		if (value > most)
			violated(count, "%s is %llu, at most %llu is declared",
				 vital_name(limit->vital), value, most);
	}
}

static void look_bounds(const struct homeostatd *d, struct certified_count *count)
{
	for (__u32 id = 0; id < HS_KNOB_NR; id++) {
		const struct hs_bound *b = &d->policy.profile.knob[id].bound;
		__u64 value = load(&d->kernel.knobs[id].value);

		if (!load(&d->kernel.knobs[id].gen)) /* nobody has ever turned it */
			continue;
		count->checked++;
		if ((value < b->min || value > b->max) && value != b->stock)
			violated(count, "%s is %llu, %llu … %llu is declared", knob_name(id), value,
				 b->min, b->max);
	}
}

static void look_log(struct homeostatd *d, struct certified_count *count)
{
	const struct hs_decisions *decisions = d->kernel.decisions;
	__u64 lost = load(&decisions->lost);

	count->checked++;
	if (child_lost(&d->certified.clerk) || !d->certified.clerk.pid)
		violated(count, "nobody writes the log");
	else if (load(&decisions->until_ns) <= clock_ns())
		violated(count, "the log's writer is held up: the disk is slow");
	else if (lost != d->certified.lost_seen)
		violated(count, "%llu decisions found no room", lost - d->certified.lost_seen);
	d->certified.lost_seen = lost;
}

static void look_policies(const struct homeostatd *d, struct certified_count *count)
{
	for (__u32 i = 0; i < d->certified.policies; i++) {
		count->checked++;
		if (!d->plugins.seat[i].fds.nr)
			violated(count, "policy %s is gone", d->certified.offer[i].name);
	}
}

void certified_tick(struct homeostatd *d)
{
	static const char *const names[] = {
#define X(id, name, ...) [CERTIFIED_##id] = name,
		CERTIFIED_CONSTRAINTS(X)
#undef X
	};
	struct certified_count *count = d->certified.count;
	__u64 before[CERTIFIED_CONSTRAINT_NR];

	if (!d->certified.on)
		return;
	for (int i = 0; i < CERTIFIED_CONSTRAINT_NR; i++)
		before[i] = count[i].violated;
	look_limits(d, &count[CERTIFIED_LIMITS]);
	look_bounds(d, &count[CERTIFIED_BOUNDS]);
	look_log(d, &count[CERTIFIED_LOG]);
	look_policies(d, &count[CERTIFIED_POLICIES]);
	for (int i = 0; i < CERTIFIED_CONSTRAINT_NR; i++) {
		bool now = count[i].violated != before[i];

		/* said when it begins; counted as long as it lasts */
		if (now && !count[i].now)
			log_warn("certified mode: constraint violated (%s): %s", names[i],
				 count[i].last);
		count[i].now = now;
	}
}

void certified_json(const struct homeostatd *d, struct json_object *reply)
{
	static const char *const names[] = {
#define X(id, name, ...) [CERTIFIED_##id] = name,
		CERTIFIED_CONSTRAINTS(X)
#undef X
	};
	const struct certified *c = &d->certified;
	struct json_object *part, *rows;

	if (!c->on) {
		json_object_object_add(reply, "certified", NULL);
		return;
	}
	part = js_add_obj(reply, "certified");
	js_add_str(part, "manifest", c->manifest.hash);
	js_add_str(part, "log", c->log);
	js_add_u64(part, "lost", load(&d->kernel.decisions->lost));
	rows = js_add_array(part, "constraints");
	for (int i = 0; i < CERTIFIED_CONSTRAINT_NR; i++) {
		struct json_object *row = js_push_obj(rows);

		js_add_str(row, "name", names[i]);
		js_add_u64(row, "checked", c->count[i].checked);
		js_add_u64(row, "violated", c->count[i].violated);
		js_add_str(row, "last", c->count[i].last);
	}
}

void certified_end(struct homeostatd *d)
{
	struct certified *c = &d->certified;

	if (!c->on)
		return;
	clerk_stop(&c->clerk);
	for (__u32 i = 0; i < HS_SLOTS; i++)
		descriptors_close(&c->policy[i]);
}
