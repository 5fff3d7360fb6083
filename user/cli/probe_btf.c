// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Finds broken kfuncs by reading BTF alone; doctor.h says what makes one broken. */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define IMPL "_impl"

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool is_scx_kfunc(const char *name)
{
	return !strncmp(name, "scx_bpf_", 8) || !strncmp(name, "__scx_bpf_", 10) ||
	       !strncmp(name, "bpf_iter_scx_dsq_", 17);
}

/* true if the last parameter of @func is an implicit `const struct bpf_prog_aux *`. */
static bool shows_aux(const struct btf *btf, const struct btf_type *func)
{
	const struct btf_type *t = btf__type_by_id(btf, func->type);
	const struct btf_param *last;
	int steps = 8; /* a pointer and its qualifiers; a cycle in a damaged file ends here */

	if (!t || !btf_is_func_proto(t) || !btf_vlen(t))
		return false;
	last = btf_params(t) + btf_vlen(t) - 1;
	if (ends_with(btf__name_by_offset(btf, last->name_off), "__prog"))
		return false;
	t = btf__type_by_id(btf, last->type);
	if (!t || !btf_is_ptr(t))
		return false;
	do {
		t = btf__type_by_id(btf, t->type);
	} while (t && btf_is_mod(t) && --steps);
	return t && btf_is_struct(t) &&
	       !strcmp(btf__name_by_offset(btf, t->name_off), "bpf_prog_aux");
}

static bool has_impl(const struct btf *btf, const char *name)
{
	char impl[256];

	if (snprintf(impl, sizeof(impl), "%s" IMPL, name) >= (int)sizeof(impl))
		return false;
	return btf__find_by_name_kind(btf, impl, BTF_KIND_FUNC) > 0;
}

enum kfunc_state kfunc_state(const struct btf *kernel, const char *name)
{
	__s32 id = btf__find_by_name_kind(kernel, name, BTF_KIND_FUNC);

	if (id <= 0)
		return KFUNC_ABSENT;
	if (shows_aux(kernel, btf__type_by_id(kernel, id)) && !has_impl(kernel, name))
		return KFUNC_BROKEN;
	return KFUNC_WHOLE;
}

/* Appends @name to a list, with "…" in the place of what does not fit. */
static void list_add(char *list, size_t size, const char *name)
{
	static const char more[] = ", …";
	size_t used;

	if (!list || !size)
		return;
	used = strlen(list);
	if (used + strlen(name) + 2 + sizeof(more) <= size)
		snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
	else if (used && !ends_with(list, more) && used + sizeof(more) <= size)
		memcpy(list + used, more, sizeof(more));
}

unsigned int kfuncs_broken(const struct btf *kernel, char *list, size_t size)
{
	__u32 n = btf__type_cnt(kernel);
	unsigned int broken = 0;

	if (list && size)
		*list = '\0';
	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(kernel, id);
		const char *name;

		if (!btf_is_func(t))
			continue;
		name = btf__name_by_offset(kernel, t->name_off);
		/* X_impl is where the argument belongs */
		if (!is_scx_kfunc(name) || ends_with(name, IMPL))
			continue;
		if (shows_aux(kernel, t) && !has_impl(kernel, name)) {
			broken++;
			list_add(list, size, name);
		}
	}
	return broken;
}

/*
 * By name, not by the .ksyms section: libbpf replaces what is in there when it opens an object. Only
 * a kfunc that is called has an entry at all.
 */
int kfuncs_needed(const struct btf *object, int (*cb)(const char *name, void *ctx), void *ctx)
{
	__u32 n = btf__type_cnt(object);

	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(object, id);
		const char *name;
		int err;

		if (!btf_is_func(t))
			continue;
		name = btf__name_by_offset(object, t->name_off);
		if (!is_scx_kfunc(name))
			continue;
		err = cb(name, ctx);
		if (err)
			return err;
	}
	return 0;
}

struct needed {
	const struct btf *kernel;
	char *list;
	size_t size;
	unsigned int broken;
};

/* libbpf looks a kfunc up without its last `___flavour`, and so must we. */
static enum kfunc_state needed_state(const struct btf *kernel, const char *name)
{
	size_t n = strlen(name);
	char plain[256];

	for (size_t i = n; i-- > 1;)
		if (!strncmp(name + i, "___", 3) && name[i - 1] != '_') {
			n = i;
			break;
		}
	snprintf(plain, sizeof(plain), "%.*s", (int)n, name);
	return kfunc_state(kernel, plain);
}

static int note_broken(const char *name, void *ctx)
{
	struct needed *n = ctx;

	if (needed_state(n->kernel, name) == KFUNC_BROKEN) {
		n->broken++;
		list_add(n->list, n->size, name);
	}
	return 0;
}

unsigned int kfuncs_broken_needed(const struct btf *kernel, const struct btf *object, char *list,
				  size_t size)
{
	struct needed n = {.kernel = kernel, .list = list, .size = size};

	if (list && size)
		*list = '\0';
	kfuncs_needed(object, note_broken, &n);
	return n.broken;
}
