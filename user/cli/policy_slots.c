// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat policy load, unload, list, show: policies in the slots of a homeostatd that runs. It is this program, run by root,
 * that loads one into the kernel and puts it into its slot, where nobody asks it yet; the daemon gets the descriptors and turns
 * it on. If this program dies in between, the kernel takes all of it back.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/descriptors.h"
#include "../lib/json.h"
#include "../lib/names.h"
#include "../lib/parse.h"
#include "../lib/plugin.h"
#include "../lib/units.h"
#include "cli.h"
#include "policy.h"

#define SETTLE_TRIES 400 /* of SETTLE_NS: the longest window of samples, and as much again */
#define SETTLE_NS 5000000ULL
#define STATE_MAP ".data.state"
#define MAPS_MAX 64

/* The slots as the daemon tells of them. */
static struct json_object *slot_row(struct json_object *policies, size_t i)
{
	struct json_object *rows;

	if (js_get_array(policies, "slots", &rows) || i >= json_object_array_length(rows))
		return NULL;
	return json_object_array_get_idx(rows, i);
}

/* ---- load ---- */

/* A slot that nobody is in, or -1. Who is leaving one leaves it soon. *policies is the caller's on CLI_OK. */
static int find_slot(struct cli *cli, struct json_object **policies, int *slot)
{
	*slot = -1;
	for (int i = 0; i < SETTLE_TRIES; i++) {
		int rc = cli_call(cli, control_request("policies"), policies);

		if (rc)
			return rc;
		for (int s = 0; *slot < 0 && s < HS_SLOTS; s++) {
			struct json_object *row = slot_row(*policies, (size_t)s);

			if (row && !js_bool(row, "taken"))
				*slot = s;
		}
		if (*slot >= 0 || !js_bool(*policies, "settling"))
			return CLI_OK;
		json_object_put(*policies);
		cli_wait(SETTLE_NS);
	}
	cli_error(cli, "both slots are taken, and the policy that is to leave one does not");
	return CLI_FAILED;
}

/* The map of a program's state, of that size: a descriptor, the caller's; or negative errno. */
static int state_of(__u32 program, __u32 size)
{
	__u32 ids[MAPS_MAX], info_size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (__u64)(uintptr_t)ids};
	int prog = bpf_prog_get_fd_by_id(program), err;

	if (prog < 0)
		return prog;
	err = bpf_prog_get_info_by_fd(prog, &info, &info_size);
	close(prog);
	for (__u32 i = 0; !err && i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		__u32 map_size = sizeof(map);
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			continue;
		if (!bpf_map_get_info_by_fd(fd, &map, &map_size) && !strcmp(map.name, STATE_MAP) &&
		    map.value_size == size)
			return fd;
		close(fd);
	}
	return err ?: -ENOENT;
}

/*
 * The predecessor's state becomes the new one's, where both declare KEEPS_STATE. It goes on being asked meanwhile: what the new
 * one begins with may be half of before and half of after one call, as either begins with whatever is there.
 */
static int keep_state(struct plugin *p, struct json_object *policies)
{
	struct json_object *from = NULL;
	__u32 key = 0;
	void *state;
	int fd, err;

	for (size_t i = 0; p->policy.flags & KEEPS_STATE && i < HS_SLOTS; i++) {
		struct json_object *row = slot_row(policies, i);

		if (row && js_bool(row, "taken") && js_bool(row, "keeps_state") &&
		    !strcmp(js_str(row, "name"), p->policy.name))
			from = from && !strcmp(js_str(from, "run"), slot_run_name(HS_SLOT_RUN_ACT))
				       ? from
				       : row;
	}
	if (!from)
		return 0;
	fd = state_of((__u32)js_u64(from, "program"), p->state_size);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd; /* of another size: it begins anew */
	state = malloc(p->state_size);
	err = state ? bpf_map_lookup_elem(fd, &key, state) : -ENOMEM;
	if (!err)
		err = bpf_map_update_elem(p->state_fd, &key, state, BPF_ANY);
	free(state);
	close(fd);
	return err ?: 1;
}

static void add_names(struct json_object *array, const __u16 ids[HS_SLOT_NAMES],
		      const char *(*name)(__u32 id))
{
	for (int i = 0; i < HS_SLOT_NAMES && ids[i]; i++)
		json_object_array_add(array, json_object_new_string(name(ids[i] - 1U)));
}

static struct json_object *offer(const struct plugin *p, const char *as, __u64 for_ns)
{
	struct json_object *request = control_request("policy_load");

	js_add_str(request, "name", p->policy.name);
	js_add_str(request, "about", p->policy.about);
	add_names(js_add_array(request, "reads"), p->policy.reads, vital_name);
	add_names(js_add_array(request, "turns"), p->policy.turns, knob_name);
	js_add_bool(request, "keeps_state", p->policy.flags & KEEPS_STATE);
	js_add_str(request, "as", as);
	if (for_ns)
		js_add_u64(request, "for_ns", for_ns);
	return request;
}

static void say_loaded(struct cli *cli, struct json_object *reply, bool kept)
{
	if (cli->json) {
		js_add_bool(reply, "state_kept", kept);
		out_json(cli, reply);
		return;
	}
	fprintf(cli->out, "policy %s is in slot %llu: %s%s\n", js_str(reply, "name"),
		js_u64(reply, "slot"), js_str(reply, "as"),
		kept ? ", with the state of the one before" : "");
	if (!js_bool(reply, "asked"))
		fprintf(cli->err, "nobody asks it while homeostat neither acts nor advises\n");
}

/* What takes the kernel: judged and loaded it is, and free is the slot. */
static int put_in(struct cli *cli, struct plugin *p, struct json_object *policies,
		  struct json_object *request)
{
	struct descriptors fds = {.nr = 2};
	struct json_object *reply;
	int kept = keep_state(p, policies), rc, link;

	if (kept < 0) {
		cli_error(cli, "policy %s: taking over the state of the one before: %s",
			  p->policy.name, strerror(-kept));
		json_object_put(request);
		return CLI_FAILED;
	}
	link = plugin_attach(p);
	if (link < 0) {
		cli_error(cli, "policy %s: attaching it to its slot: %s%s", p->policy.name,
			  strerror(-link),
			  link == -EBUSY ? "; somebody else has just put one there: try again"
					 : "");
		json_object_put(request);
		return CLI_FAILED;
	}
	fds.fd[0] = link;
	fds.fd[1] = p->prog_fd;
	rc = cli_call_with(cli, request, &fds, &reply);
	close(link); /* the daemon has its own */
	if (!rc)
		say_loaded(cli, reply, kept);
	json_object_put(reply);
	return rc;
}

static int load(struct cli *cli, struct plugin *p, const char *as, __u64 for_ns)
{
	struct json_object *policies = NULL;
	char error[1024];
	int slot, rc = find_slot(cli, &policies, &slot), pulse, err;

	if (rc)
		return rc;
	pulse = slot < 0 ? -EBUSY : bpf_prog_get_fd_by_id((__u32)js_u64(policies, "pulse"));
	if (slot < 0) {
		cli_error(cli, "both slots are taken: `homeostat policy unload` one of `homeostat "
			       "policy list` first");
		rc = CLI_REFUSED;
	} else if (pulse < 0) {
		cli_error(cli, "the pulse's program: %s%s", strerror(-pulse),
			  pulse == -EPERM ? "; policies are loaded by root" : "");
		rc = pulse == -EPERM ? CLI_REFUSED : CLI_FAILED;
	}
	if (!rc) {
		err = plugin_load(p, pulse, (__u32)slot, error, sizeof(error));
		if (err)
			cli_error(cli, "%s", error);
		rc = err ? policy_failed(p, err) : CLI_OK;
	}
	if (!rc)
		rc = put_in(cli, p, policies, offer(p, as, for_ns));
	if (pulse >= 0)
		close(pulse);
	json_object_put(policies);
	return rc;
}

int policy_load(struct cli *cli, int argc, char **argv)
{
	bool shadow = false, full = false;
	const char *canary = NULL;
	const struct cli_option options[] = {{"--shadow", NULL, &shadow},
					     {"--full", NULL, &full},
					     {"--canary", &canary, NULL},
					     {0}};
	int rc = cli_options(cli, options, &argc, argv), err;
	struct plugin p = {0};
	__u64 for_ns = 0;
	char error[1024];

	if (rc || argc != 1)
		return rc ? rc : cli_usage(cli, "policy load takes one OBJ");
	if (shadow + full + !!canary > 1)
		return cli_usage(cli, "policy load takes one of --shadow, --canary and --full");
	err = canary ? unit_parse(canary, UNIT_NS, &for_ns) : 0;
	if (err)
		return cli_usage(cli, "--canary %s: %s; it takes %s", canary, unit_error(err),
				 unit_expected(UNIT_NS));
	err = plugin_open(&p, argv[0], error, sizeof(error));
	if (err)
		cli_error(cli, "%s", error);
	rc = err ? policy_failed(&p, err) : CLI_OK;
	if (!rc)
		rc = load(cli, &p, canary ? "canary" : full ? "full" : "shadow", for_ns);
	plugin_close(&p);
	return rc;
}

/* ---- unload ---- */

int policy_unload(struct cli *cli, int argc, char **argv)
{
	struct json_object *request, *reply;
	int rc = cli_options(cli, NULL, &argc, argv);
	__u64 slot;

	if (rc || argc != 1)
		return rc ? rc : cli_usage(cli, "policy unload takes NAME or SLOT");
	request = control_request("policy_unload");
	if (!parse_u64(argv[0], &slot))
		js_add_u64(request, "slot", slot);
	else
		js_add_str(request, "name", argv[0]);
	rc = cli_call(cli, request, &reply);
	if (!rc && cli->json)
		out_json(cli, reply);
	else if (!rc)
		fprintf(cli->out, "policy %s is out of slot %llu\n", js_str(reply, "name"),
			js_u64(reply, "slot"));
	json_object_put(reply);
	return rc;
}

/* ---- list ---- */

static const struct column slot_columns[] = {
	{"slot", "SLOT", COLUMN_NUMBER},   {"name", "POLICY", COLUMN_TEXT},
	{"as", "AS", COLUMN_TEXT},	   {"calls", "CALLS", COLUMN_NUMBER},
	{"acted", "ACTED", COLUMN_NUMBER}, {"steps", "STEPS", COLUMN_NUMBER},
	{"mean_ns", "MEAN", COLUMN_NS},	   {"longest_ns", "LONGEST", COLUMN_NS},
};
static const struct column object_columns[] = {
	{"name", "POLICY", COLUMN_TEXT},
	{"file", "OBJECT", COLUMN_TEXT},
	{"about", "ABOUT", COLUMN_TEXT},
};

static int is_object(const struct dirent *entry)
{
	static const char end[] = ".bpf.o";
	size_t len = strlen(entry->d_name);

	return len >= sizeof(end) && !strcmp(entry->d_name + len + 1 - sizeof(end), end);
}

/* The objects in a directory, by name; what is wrong with one stands where others say what they do. */
static void add_objects(struct json_object *rows, const char *dir)
{
	struct dirent **entry = NULL;
	int nr = scandir(dir, &entry, is_object, alphasort);

	for (int i = 0; i < nr; i++) {
		struct json_object *row = js_push_obj(rows);
		struct plugin p = {0};
		char path[4096], error[512];
		int err;

		snprintf(path, sizeof(path), "%s/%s", dir, entry[i]->d_name);
		err = plugin_open(&p, path, error, sizeof(error));
		js_add_str(row, "name", err ? "-" : p.policy.name);
		js_add_str(row, "file", path);
		js_add_str(row, "about", err ? error : p.policy.about);
		plugin_close(&p);
		free(entry[i]);
	}
	free(entry);
}

/* Those slots that somebody is in. */
static struct json_object *taken(struct json_object *policies)
{
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < HS_SLOTS; i++) {
		struct json_object *row = slot_row(policies, i);

		if (row && js_bool(row, "taken"))
			json_object_array_add(rows, json_object_get(row));
	}
	return rows;
}

int policy_list(struct cli *cli, int argc, char **argv)
{
	const char *dir = POLICY_DIR;
	const struct cli_option options[] = {{"--dir", &dir, NULL}, {0}};
	int rc = cli_options(cli, options, &argc, argv);
	struct json_object *policies, *objects, *rows;

	if (rc || argc)
		return rc ? rc : cli_usage(cli, "policy list takes no argument");
	rc = cli_call(cli, control_request("policies"), &policies);
	if (rc)
		return rc;
	objects = js_add_array(policies, "objects");
	add_objects(objects, dir);
	rows = taken(policies);
	if (cli->json) {
		out_json(cli, policies);
	} else {
		out_table(cli->out, rows, slot_columns,
			  sizeof(slot_columns) / sizeof(*slot_columns));
		fprintf(cli->out, "\n%s:\n", dir);
		out_table(cli->out, objects, object_columns,
			  sizeof(object_columns) / sizeof(*object_columns));
	}
	json_object_put(rows);
	json_object_put(policies);
	return CLI_OK;
}

/* ---- show ---- */

static void show_turns(FILE *f, struct json_object *row)
{
	struct json_object *rows = NULL;
	char value[32], wished[32];

	js_get_array(row, "turns", &rows);
	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *knob = json_object_array_get_idx(rows, i);

		out_line(f, i ? "" : "turns", "%s, at %s%s%s", js_str(knob, "name"),
			 out_value(value, sizeof(value), knob, "value"),
			 js_is_null(knob, "wished") ? "" : ", wished ",
			 js_is_null(knob, "wished")
				 ? ""
				 : out_value(wished, sizeof(wished), knob, "wished"));
	}
}

static void show_slot(FILE *f, struct json_object *row)
{
	char a[32], b[32], c[32];
	struct json_object *reads = NULL;

	fprintf(f, "%s: %s\n", js_str(row, "name"), js_str(row, "about"));
	out_line(f, "slot", "%llu, program %llu", js_u64(row, "slot"), js_u64(row, "program"));
	out_line(f, "as", "%s%s%s", js_str(row, "as"),
		 js_is_null(row, "left_ns") ? "" : ", judged in ",
		 js_is_null(row, "left_ns") ? "" : out_ns(a, sizeof(a), js_u64(row, "left_ns")));
	js_get_array(row, "reads", &reads);
	for (size_t i = 0; reads && i < json_object_array_length(reads); i++)
		out_line(f, i ? "" : "reads", "%s",
			 json_object_get_string(json_object_array_get_idx(reads, i)));
	show_turns(f, row);
	if (js_is_null(row, "calls"))
		out_line(f, "calls", "none yet");
	else
		out_line(f, "calls",
			 "%llu, %llu of them without an opinion; acted in %llu, %llu steps",
			 js_u64(row, "calls"), js_u64(row, "declined"), js_u64(row, "acted"),
			 js_u64(row, "steps"));
	if (js_u64(row, "calls"))
		out_line(f, "takes", "%s on average, %s at most, %s the last time",
			 out_ns(a, sizeof(a), js_u64(row, "mean_ns")),
			 out_ns(b, sizeof(b), js_u64(row, "longest_ns")),
			 out_ns(c, sizeof(c), js_u64(row, "last_ns")));
}

static void show_ending(FILE *f, struct json_object *row)
{
	char ago[32];

	fprintf(f, "%s: gone from slot %llu %s ago: %s, %s%s%s\n", js_str(row, "name"),
		js_u64(row, "slot"), out_ns(ago, sizeof(ago), js_u64(row, "ago_ns")),
		js_str(row, "end"), js_str(row, "meaning"), *js_str(row, "text") ? ": " : "",
		js_str(row, "text"));
}

/* Is it what was asked for: NULL (all), a name, or the number of a slot? */
static bool is_wanted(struct json_object *row, const char *what)
{
	__u64 slot;

	if (!what || !strcmp(js_str(row, "name"), what))
		return true;
	return !parse_u64(what, &slot) && js_u64(row, "slot") == slot;
}

/* Those of an array of @o that are wanted. */
static struct json_object *wanted(struct json_object *rows, const char *what)
{
	struct json_object *some = json_object_new_array();

	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (is_wanted(row, what))
			json_object_array_add(some, json_object_get(row));
	}
	return some;
}

static void each(FILE *f, struct json_object *rows, void (*show)(FILE *f, struct json_object *row))
{
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		show(f, json_object_array_get_idx(rows, i));
}

int policy_show(struct cli *cli, int argc, char **argv)
{
	struct json_object *policies, *out, *seats, *slots, *endings, *rows = NULL;
	int rc = cli_options(cli, NULL, &argc, argv);
	const char *what = argc ? argv[0] : NULL;

	if (rc || argc > 1)
		return rc ? rc : cli_usage(cli, "policy show takes at most one NAME or SLOT");
	rc = cli_call(cli, control_request("policies"), &policies);
	if (rc)
		return rc;
	js_get_array(policies, "endings", &rows);
	seats = taken(policies);
	slots = wanted(seats, what);
	endings = wanted(rows, what);
	out = json_object_new_object();
	js_add(out, "slots", slots);
	js_add(out, "endings", endings);
	if (what && !json_object_array_length(slots) && !json_object_array_length(endings)) {
		cli_error(cli, "no policy '%s' is in a slot, or has been of late", what);
		rc = CLI_FAILED;
	} else if (cli->json) {
		out_json(cli, out);
	} else {
		each(cli->out, slots, show_slot);
		if (!json_object_array_length(seats))
			fputs("no policy is in a slot: the rules of the profile act\n", cli->out);
		each(cli->out, endings, show_ending);
	}
	json_object_put(out);
	json_object_put(seats);
	json_object_put(policies);
	return rc;
}
