// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat drops: what the network stack drops, and why, for as long as one looks. The daemon knows reasons by their
 * number; what they are called is in the kernel's type information, which is read here.
 */
#include <bpf/btf.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kern/abi.h"
#include "../lib/control.h"
#include "../lib/json.h"
#include "../lib/units.h"
#include "cli.h"

#define PREFIX "SKB_DROP_REASON_"

/* Name of a reason, without what they all begin with; "reason 12" where the kernel does not say. */
static const char *reason_name(const struct btf *btf, __u32 reason, char *buf, size_t size)
{
	__s32 id = btf ? btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	for (int i = 0; reason < HS_DROPS_MAX - 1 && t && i < btf_vlen(t); i++) {
		const char *name = btf__name_by_offset(btf, btf_enum(t)[i].name_off);

		if ((__u32)btf_enum(t)[i].val != reason)
			continue;
		return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
	}
	if (reason == HS_DROPS_MAX - 1)
		return "others";
	snprintf(buf, size, "reason %u", reason);
	return buf;
}

/* How many packets were dropped for a reason, as the daemon says. */
static __u64 packets_of(struct json_object *drops, __u64 reason)
{
	struct json_object *row;
	size_t n;

	for (n = drops ? json_object_array_length(drops) : 0; n--;) {
		row = json_object_array_get_idx(drops, n);
		if (js_u64(row, "reason") == reason)
			return js_u64(row, "packets");
	}
	return 0;
}

static int most_first(const void *a, const void *b)
{
	__u64 x = js_u64(*(struct json_object *const *)a, "packets");
	__u64 y = js_u64(*(struct json_object *const *)b, "packets");

	return (x < y) - (x > y);
}

/* What came between the two answers. */
static struct json_object *difference(struct json_object *before, struct json_object *after,
				      __u64 look_ns)
{
	struct json_object *rows = json_object_new_array(), *old = NULL, *fresh = NULL;
	struct btf *btf = btf__load_vmlinux_btf();

	js_get_array(before, "drops", &old);
	js_get_array(after, "drops", &fresh);
	for (size_t i = 0; fresh && i < json_object_array_length(fresh); i++) {
		struct json_object *row = json_object_array_get_idx(fresh, i), *out;
		__u64 reason = js_u64(row, "reason");
		__u64 packets = js_u64(row, "packets") - packets_of(old, reason);
		char buf[32];

		if (!packets)
			continue;
		out = js_push_obj(rows);
		js_add_str(out, "reason", reason_name(btf, (__u32)reason, buf, sizeof(buf)));
		js_add_u64(out, "packets", packets);
		js_add_u64(out, "rate_hz",
			   (__u64)((double)packets * NS_PER_S / (double)look_ns + 0.5));
	}
	btf__free(btf);
	json_object_array_sort(rows, most_first);
	return rows;
}

int cmd_drops(struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{"reason", "REASON", COLUMN_TEXT},
		{"packets", "PACKETS", COLUMN_NUMBER},
		{"rate_hz", "PER SECOND", COLUMN_NUMBER},
	};
	struct json_object *before, *after, *request, *rows;
	__u64 look_ns = 5 * NS_PER_S;
	int rc = cli_options(cli, NULL, &argc, argv);

	if (rc)
		return rc;
	if (argc > 1 || (argc && (unit_parse(argv[0], UNIT_NS, &look_ns) || look_ns < 1000000 ||
				  look_ns > CONTROL_LOOK_MAX_NS)))
		return cli_usage(cli, "drops takes one time from 1ms to 60s");
	request = control_request("drops");
	js_add_u64(request, "for_ns", look_ns + NS_PER_S);
	rc = cli_call(cli, request, &before);
	if (rc)
		return rc;
	cli_wait(look_ns);
	rc = cli_call(cli, control_request("drops"), &after);
	if (!rc) {
		rows = difference(before, after, look_ns);
		js_add(after, "drops", rows);
		js_add_u64(after, "look_ns", look_ns);
		if (cli->json)
			out_json(cli, after);
		else
			out_table(cli->out, rows, columns, sizeof(columns) / sizeof(*columns));
		json_object_put(after);
	}
	json_object_put(before);
	return rc;
}
