// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "pending.h"

#include <string.h>

#include "../lib/change_state.h"
#include "../lib/json.h"
#include "../lib/names.h"

static struct json_object *list_of(struct json_object *o, const char *key, size_t *nr)
{
	struct json_object *list = NULL;

	js_get_array(o, key, &list);
	*nr = list ? json_object_array_length(list) : 0;
	return list;
}

static void push(struct json_object *array, const char *text)
{
	struct json_object *one = json_object_new_string(text);

	if (!one || json_object_array_add(array, one))
		json_object_put(one);
}

/* "net.listen_full_hz down" in words. */
static void add_expected(struct json_object *row)
{
	struct json_object *expected = js_add_array(row, "expected"), *moves;
	size_t nr;

	moves = list_of(row, "moves", &nr);
	for (size_t i = 0; i < nr; i++) {
		const char *move = json_object_get_string(json_object_array_get_idx(moves, i));
		size_t len = strcspn(move, " ");
		char name[64], text[256];
		int vital;

		snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), move);
		vital = vital_find(name);
		snprintf(text, sizeof(text), "%s is to go %s%s%s%s", name,
			 strstr(move + len, "up") ? "up" : "down", vital < 0 ? "" : " (",
			 vital < 0 ? "" : vital_infos[vital].meaning, vital < 0 ? "" : ")");
		push(expected, text);
	}
}

/* Is a parameter in the list of a change? */
static bool has_parameter(struct json_object *row, const char *name)
{
	size_t nr;
	struct json_object *list = list_of(row, "parameters", &nr);

	for (size_t i = 0; i < nr; i++) {
		if (!strcmp(js_str(json_object_array_get_idx(list, i), "parameter"), name))
			return true;
	}
	return false;
}

/* Another change is of one of these parameters. */
static bool shares(struct json_object *row, struct json_object *other)
{
	size_t nr;
	struct json_object *list = list_of(row, "parameters", &nr);

	for (size_t i = 0; i < nr; i++) {
		if (has_parameter(other, js_str(json_object_array_get_idx(list, i), "parameter")))
			return true;
	}
	return false;
}

/* How changes of its parameters have ended on this host, as far as the daemon remembers; the newest stands first. */
static void add_record(struct json_object *row, struct json_object *changes, size_t nr)
{
	struct json_object *record = js_add_obj(row, "record");
	__u64 committed = 0, back = 0;
	const char *last = NULL;

	for (size_t i = 0; i < nr; i++) {
		struct json_object *other = json_object_array_get_idx(changes, i);
		int state = tx_state_find(js_str(other, "state"));

		if ((state != TX_COMMITTED && state != TX_ROLLED_BACK) || !shares(row, other))
			continue;
		committed += state == TX_COMMITTED;
		back += state == TX_ROLLED_BACK;
		last = last ? last : js_str(other, "why");
	}
	js_add_u64(record, "committed", committed);
	js_add_u64(record, "rolled_back", back);
	js_add_str(record, "last", last ? last : "");
}

/* What was committed for the same files. */
static void add_undoes(struct json_object *row, struct json_object *kept, size_t kept_nr)
{
	struct json_object *undoes = js_add_array(row, "undoes"), *files;
	size_t nr;

	files = list_of(row, "parameters", &nr);
	for (size_t i = 0; i < nr * kept_nr; i++) {
		struct json_object *k = json_object_array_get_idx(kept, i % kept_nr);

		if (!strcmp(js_str(k, "path"),
			    js_str(json_object_array_get_idx(files, i / kept_nr), "path")))
			json_object_array_add(undoes, json_object_get(k));
	}
}

static void add_words(struct json_object *array, const char *words)
{
	char word[128];

	for (size_t len; *words; words += len + strspn(words + len, " ")) {
		len = strcspn(words, " ");
		snprintf(word, sizeof(word), "%.*s", (int)(len < 127 ? len : 127), words);
		push(array, word);
	}
}

static void add_others(struct json_object *row, const struct kb *kb)
{
	struct json_object *needs = js_add_array(row, "needs");
	struct json_object *needed_by = js_add_array(row, "needed_by");
	struct json_object *conflicts = js_add_array(row, "conflicts");

	for (unsigned int i = 0; i < kb->nr; i++) {
		const struct kb_parameter *p = &kb->parameter[i];

		if (has_parameter(row, p->name)) {
			add_words(needs, p->needs);
			add_words(conflicts, p->conflicts);
		}
		for (unsigned int k = 0; k < kb->nr; k++) {
			const struct kb_parameter *other = &kb->parameter[k];

			if (!has_parameter(row, other->name))
				continue;
			if (kb_has_word(p->needs, other->name))
				push(needed_by, p->name);
			if (kb_has_word(p->conflicts, other->name) &&
			    !kb_has_word(other->conflicts, p->name))
				push(conflicts, p->name);
		}
	}
}

void pending_add(struct json_object *reply, const struct kb *kb)
{
	size_t nr, kept_nr;
	struct json_object *changes = list_of(reply, "changes", &nr);
	struct json_object *kept = list_of(reply, "kept", &kept_nr);

	for (size_t i = 0; i < nr; i++) {
		struct json_object *row = json_object_array_get_idx(changes, i);
		int state = tx_state_find(js_str(row, "state"));

		if (state != TX_PENDING && state != TX_CONFIRM)
			continue;
		add_expected(row);
		add_record(row, changes, nr);
		add_undoes(row, kept, kept_nr);
		if (kb)
			add_others(row, kb);
	}
}

static void show_list(FILE *f, struct json_object *row, const char *key, const char *title)
{
	size_t nr;
	struct json_object *list = list_of(row, key, &nr);

	for (size_t i = 0; i < nr; i++)
		fprintf(f, "%s%s%s", i ? ", " : title,
			json_object_get_string(json_object_array_get_idx(list, i)),
			i + 1 == nr ? "\n" : "");
}

void pending_show(FILE *f, struct json_object *row)
{
	struct json_object *record, *undoes;
	size_t nr;

	show_list(f, row, "expected", "    expected: ");
	if (!js_get_obj(row, "record", &record)) {
		__u64 committed = js_u64(record, "committed"), back = js_u64(record, "rolled_back");

		if (committed + back)
			fprintf(f,
				"    on this host so far: %llu stayed, %llu went back; the last "
				"one: %s\n",
				committed, back, js_str(record, "last"));
		else
			fprintf(f, "    on this host so far: nothing is remembered of it\n");
	}
	undoes = list_of(row, "undoes", &nr);
	for (size_t i = 0; i < nr; i++) {
		struct json_object *k = json_object_array_get_idx(undoes, i);

		fprintf(f, "    undoes what change %llu has committed: %s: %s -> %s\n",
			js_u64(k, "id"), js_str(k, "path"), js_str(k, "from"), js_str(k, "to"));
	}
	show_list(f, row, "needs", "    needs: ");
	show_list(f, row, "needed_by", "    others need it: ");
	show_list(f, row, "conflicts", "    not to be changed together with: ");
}
