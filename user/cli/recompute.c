// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "recompute.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../kern/abi.h"
#include "../lib/names.h"
#include "homeostat.skel.h"

const void *recompute_object(size_t *len)
{
	return homeostat_bpf__elf_bytes(len);
}

/* What the one program reaches; the rest is not made. */
static bool map_needed(const struct bpf_map *map)
{
	static const char *const names[] = {"BOUNDS", "CONFIG", "RULES", "EVENTS", "DECISIONS"};
	const char *name = bpf_map__name(map);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY && bpf_map__is_internal(map);
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct recompute *r = ctx;

	if (size > sizeof(r->made))
		return -EPROTO;
	memcpy(&r->made, data, size);
	r->made_size = size;
	return 0;
}

int recompute_open(struct recompute *r, char *error, size_t size)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	int err = 0;

	memset(r, 0, sizeof(*r));
	r->skel = homeostat_bpf__open();
	if (!r->skel) {
		snprintf(error, size, "the kernel programs of this homeostat: %s", strerror(errno));
		return -errno;
	}
	bpf_object__for_each_program(prog, r->skel->obj)
		bpf_program__set_autoload(prog, prog == r->skel->progs.replay_call);
	bpf_object__for_each_map(map, r->skel->obj) bpf_map__set_autocreate(map, map_needed(map));
	r->skel->rodata->replayed = 1;
	err = homeostat_bpf__load(r->skel);
	if (!err) {
		r->ring =
			ring_buffer__new(bpf_map__fd(r->skel->maps.DECISIONS), on_record, r, NULL);
		err = r->ring ? 0 : -errno;
	}
	if (err == -EPERM || err == -EACCES)
		snprintf(error, size,
			 "not allowed: to compute in the kernel needs root (CAP_BPF and "
			 "CAP_PERFMON)");
	else if (err)
		snprintf(error, size,
			 "the program that replays does not load: %s; see homeostat "
			 "doctor",
			 strerror(-err));
	return err;
}

int recompute_prog(const struct recompute *r)
{
	return bpf_program__fd(r->skel->progs.replay_call);
}

void recompute_itself(struct recompute *r, __u32 slot, bool itself)
{
	r->skel->data_decisions->decisions.asked[slot].itself = itself;
}

static int run(struct recompute *r, const struct hs_decision *d)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = d, .ctx_size_in = sizeof(*d));
	int err = bpf_prog_test_run_opts(recompute_prog(r), &opts);

	return err ? err : opts.retval ? -EPROTO : 0;
}

int recompute_state(struct recompute *r, const struct hs_decision_state *s)
{
	const struct hs_decision d = {.type = HS_DECISION_STATE};
	struct hs_decisions *shared = &r->skel->data_decisions->decisions;
	__u32 key = 0;
	int err;

	err = bpf_map_update_elem(bpf_map__fd(r->skel->maps.CONFIG), &key, &s->config, BPF_ANY);
	for (__u32 id = 0; id < HS_KNOB_NR && !err; id++)
		err = bpf_map_update_elem(bpf_map__fd(r->skel->maps.BOUNDS), &id, &s->bound[id],
					  BPF_ANY);
	for (__u32 i = 0; i < HS_RULES_MAX && !err; i++) {
		key = s->config.rules_base + i;
		err = bpf_map_update_elem(bpf_map__fd(r->skel->maps.RULES), &key, &s->rule[i],
					  BPF_ANY);
	}
	if (err)
		return err;
	shared->state = *s;
	shared->all = s->mark.flags & HS_DECISION_ALL;
	return run(r, &d);
}

/* Lays one input in place. What came of the call is not looked at. */
static void lay(struct recompute *r, const struct hs_decision_item *it)
{
	struct hs_decision_asked *asked = r->skel->data_decisions->decisions.asked;
	struct hs_vital *v = &r->skel->data_vitals->vitals[it->id];

	switch (it->kind) {
	case HS_DECIDED_VITAL:
		v->present = it->a & 1;
		v->estimated = it->a >> 1;
		v->value = it->b;
		v->updated_ns = it->c;
		r->skel->data_reflex->reflex.from_ns[it->id] = it->d;
		break;
	case HS_DECIDED_AVERAGE:
		v->ewma = it->b;
		v->peak = it->c;
		break;
	case HS_DECIDED_SUMS:
		v->integral = it->b;
		v->span = it->c;
		break;
	case HS_DECIDED_WISH:
		r->skel->data_wishes->wishes[it->id] =
			(struct hs_wish){.value = it->b, .cause = it->a, .gen = (__u32)it->c};
		break;
	case HS_DECIDED_SLOT:
		asked[it->id].err = (__s32)it->b;
		asked[it->id].took_ns = it->c;
		break;
	case HS_DECIDED_ANSWER:
		asked[it->a].wished[it->id] = it->b;
		break;
	}
}

int recompute_call(struct recompute *r, const struct hs_decision *d)
{
	int n, err;

	/* a policy that was not asked, and is asked now, has no opinion */
	for (__u32 i = 0; i < HS_SLOTS; i++) {
		r->skel->data_decisions->decisions.asked[i].err = 1;
		r->skel->data_decisions->decisions.asked[i].took_ns = 0;
	}
	for (__u32 i = 0; i < d->items; i++)
		lay(r, &decision_items(d)[i]);
	r->made_size = 0;
	err = run(r, d);
	if (err)
		return err;
	n = ring_buffer__consume(r->ring);
	/* its events are nobody's: a full ring would make no difference */
	return n < 0 ? n : n != 1 ? -EPROTO : 0;
}

void recompute_close(struct recompute *r)
{
	ring_buffer__free(r->ring);
	homeostat_bpf__destroy(r->skel);
	r->ring = NULL;
	r->skel = NULL;
}
