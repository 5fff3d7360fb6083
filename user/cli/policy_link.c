// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat policy link: a variant of the scheduler (kern/variant.h), of our kernel programs and somebody's decision points. The
 * order makes the choice: what a variant does not define it finds in our own, which are weak and come last.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../../kern/variant.h"
#include "../lib/json.h"
#include "../lib/manifest.h"
#include "cli.h"
#include "policy.h"
#include "recompute.h"

#define SOURCE_END ".bpf.c"

static const struct {
	__u32 bit;
	const char *name, *function;
} points[] = {
	{VARIANT_CLASSIFY, "VARIANT_CLASSIFY", "homeostat_classify"},
	{VARIANT_PLACE, "VARIANT_PLACE", "homeostat_place"},
};

/* Does the object define a function of that name, for others to call? */
static bool defines(const struct btf *btf, const char *name)
{
	__s32 id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);

	return id > 0 && btf_vlen(btf__type_by_id(btf, (__u32)id)) == BTF_FUNC_GLOBAL;
}

/* What the variant declares, and whether it is so. CLI_OK or, told, CLI_FINDINGS. */
static int declared(struct cli *cli, const char *object, const char *source,
		    struct homeostat_variant *says)
{
	struct bpf_object *obj = bpf_object__open_file(object, NULL);
	const struct homeostat_variant *v = NULL;
	const struct bpf_map *map;
	const struct btf *btf;
	int rc = CLI_FINDINGS;
	size_t length = 0;

	map = obj ? bpf_object__find_map_by_name(obj, ".rodata.variant") : NULL;
	btf = obj ? bpf_object__btf(obj) : NULL;
	if (map)
		v = bpf_map__initial_value(map, &length);
	if (!v || length != sizeof(*v) || !btf) {
		cli_error(cli, "%s: no HOMEOSTAT_VARIANT in it; see homeostat/variant.h", source);
		bpf_object__close(obj);
		return rc;
	}
	*says = *v;
	says->name[sizeof(says->name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		if (defines(btf, points[i].function) == !!(v->points & points[i].bit))
			continue;
		cli_error(cli, "%s: %s and the function %s go together: it has one of them", source,
			  points[i].name, points[i].function);
		bpf_object__close(obj);
		return rc;
	}
	if (v->points)
		rc = CLI_OK;
	else
		cli_error(cli, "%s: it names no decision point", source);
	bpf_object__close(obj);
	return rc;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* CLI_OK or, told, CLI_FAILED. */
static int link_files(struct cli *cli, const char *lib, const char *variant,
		      const struct policy_output *output)
{
	char ours[PATH_MAX], rest[PATH_MAX];
	const char *files[] = {ours, variant, rest};
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	struct bpf_linker *linker = bpf_linker__new(output->object, NULL);
	int err = linker ? 0 : -errno;
	size_t at = 0;

	snprintf(ours, sizeof(ours), "%s/linkable.bpf.o", lib);
	snprintf(rest, sizeof(rest), "%s/variant.bpf.o", lib);
	while (!err && at < 3) {
		err = bpf_linker__add_file(linker, files[at], NULL);
		at += !err;
	}
	if (!err)
		err = bpf_linker__finalize(linker);
	bpf_linker__free(linker);
	libbpf_set_print(before);
	if (!err)
		return CLI_OK;
	cli_error(cli, "%s: linking: %s%s", at < 3 && linker ? files[at] : output->target,
		  strerror(-err),
		  at == 1 ? "" : "; --lib names where homeostat's linkable.bpf.o is");
	return CLI_FAILED;
}

/* The variant's own object, compiled and judged, then linked. An exit code. */
static int make(struct cli *cli, const char *include, const char *lib, const char *source,
		const struct policy_output *output, struct homeostat_variant *says)
{
	char object[] = "/tmp/homeostat-variant-XXXXXX";
	char hash[MANIFEST_HASH_LEN + 1], define[sizeof(hash) + 32];
	int fd = mkstemp(object), rc;
	size_t length;
	const void *ours = recompute_object(&length);

	if (fd < 0) {
		cli_error(cli, "%s: %s", object, strerror(errno));
		return CLI_FAILED;
	}
	close(fd);
	manifest_hash(ours, length, hash);
	snprintf(define, sizeof(define), "-DHS_MADE_FROM=\"%s\"", hash);
	rc = policy_compile(cli, include, define, source, object);
	if (!rc)
		rc = declared(cli, object, source, says);
	if (!rc)
		rc = link_files(cli, lib, object, output);
	unlink(object);
	return rc;
}

int policy_link(struct cli *cli, int argc, char **argv)
{
	const char *target = NULL, *include = HS_INCLUDE, *lib = HS_LIB;
	const struct cli_option options[] = {
		{"-o", &target, NULL}, {"--include", &include, NULL}, {"--lib", &lib, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);
	struct homeostat_variant says;
	struct policy_output output;
	char path[PATH_MAX];
	size_t stem;

	if (rc)
		return rc;
	stem = argc == 1 ? strlen(argv[0]) : 0;
	if (stem <= strlen(SOURCE_END) || stem >= sizeof(path) ||
	    strcmp(argv[0] + stem - strlen(SOURCE_END), SOURCE_END))
		return cli_usage(cli, "policy link takes a file NAME" SOURCE_END);
	snprintf(path, sizeof(path), "%.*s.o", (int)(stem - strlen(SOURCE_END)), argv[0]);
	rc = policy_headers(cli, include);
	if (!rc)
		rc = policy_output_begin(cli, &output, target ?: path);
	if (rc)
		return rc;
	rc = make(cli, include, lib, argv[0], &output, &says);
	rc = policy_output_end(cli, &output, rc);
	if (!rc)
		fprintf(cli->out,
			"%s: variant %s of the scheduler; homeostatd --variant FILE takes it\n",
			output.target, says.name);
	return rc;
}
