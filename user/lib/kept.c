// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "kept.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_journal.h"
#include "json.h"

#define S 1000000000ULL

static int bad(char *why, size_t size, const char *where, const char *what)
{
	snprintf(why, size, "%s: expected %s", where, what);
	return -EBADMSG;
}

static int get_u32(struct json_object *o, const char *key, __u32 *value)
{
	__u64 v;

	if (js_get_u64(o, key, &v) || v > ~0U)
		return -EBADMSG;
	*value = (__u32)v;
	return 0;
}

static bool files_ok(struct json_object *files)
{
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *one = json_object_array_get_idx(files, i);

		if (!json_object_is_type(one, json_type_array) ||
		    json_object_array_length(one) != 2)
			return false;
		for (size_t k = 0; k < 2; k++) {
			if (!json_object_is_type(json_object_array_get_idx(one, k),
						 json_type_string))
				return false;
		}
	}
	return true;
}

static int parse_row(struct kept_row *row, struct json_object *o, char *why, size_t size)
{
	const char *state, *text;
	struct json_object *proposals;
	int found;

	if (!json_object_is_type(o, json_type_object) || json_object_object_length(o) != 11)
		return bad(why, size, "rows", "objects of eleven members each");
	if (get_u32(o, "id", &row->id) || !row->id || get_u32(o, "uid", &row->uid))
		return bad(why, size, "rows: id, uid", "numbers");
	found = js_get_str(o, "state", &state) ? -ENOENT : tx_state_find(state);
	if (found < 0 || tx_has_ended((enum tx_state)found))
		return bad(why, size, "rows: state", "one of a change that has not ended");
	row->state = (enum tx_state)found;
	if (js_get_bool(o, "approved", &row->approved) || js_get_u64(o, "made_s", &row->made_s) ||
	    js_get_u64(o, "due_s", &row->due_s) || js_get_u64(o, "due_boot_ns", &row->due_boot_ns))
		return bad(why, size, "rows: approved, made_s, due_s, due_boot_ns",
			   "true or false, and times");
	if (js_get_str(o, "why", &text) || strlen(text) >= sizeof(row->why))
		return bad(why, size, "rows: why", "a text of at most 191 bytes");
	strcpy(row->why, text);
	if (js_get_str(o, "source", &text) || js_get_array(o, "proposals", &proposals))
		return bad(why, size, "rows: source, proposals", "a text, and a list");
	row->asked = o;
	if (js_get_array(o, "files", &row->files) || !files_ok(row->files))
		return bad(why, size, "rows: files", "a list of pairs");
	return 0;
}

static int parse(struct kept *kept, char *why, size_t size)
{
	struct json_object *o = kept->whole, *rows;
	const char *id;
	__u64 version;

	if (js_get_u64(o, "version", &version) || version != KEPT_VERSION)
		return bad(why, size, "version", "1");
	if (js_get_str(o, "boot_id", &id) || !boot_id_ok(id))
		return bad(why, size, "boot_id", "the id of a boot");
	strcpy(kept->boot_id, id);
	if (js_get_u64(o, "saved_s", &kept->saved_s) || get_u32(o, "last_id", &kept->last_id))
		return bad(why, size, "saved_s, last_id", "numbers");
	if (kept->last_id > KEPT_ID_MAX)
		return bad(why, size, "last_id", "a number that leaves room for more");
	if (js_get_array(o, "rows", &rows) || json_object_array_length(rows) > KEPT_ROWS_MAX)
		return bad(why, size, "rows", "a list of at most 32");
	if (json_object_object_length(o) != 5)
		return bad(why, size, "the whole", "nothing more in it");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct kept_row *row = &kept->row[i];

		if (parse_row(row, json_object_array_get_idx(rows, i), why, size))
			return -EBADMSG;
		if (row->id > kept->last_id || (i && row->id <= row[-1].id))
			return bad(why, size, "rows: id",
				   "each once, in their order, up to last_id");
		kept->nr++;
	}
	return 0;
}

int kept_parse(struct kept *kept, const char *text, size_t len, char *why, size_t size)
{
	int err;

	memset(kept, 0, sizeof(*kept));
	while (len && text[len - 1] == '\n')
		len--;
	kept->whole = len < KEPT_TEXT_MAX ? js_parse(text, len) : NULL;
	err = kept->whole ? parse(kept, why, size) : bad(why, size, "the whole", "one JSON object");
	if (err)
		kept_free(kept);
	return err;
}

void kept_free(struct kept *kept)
{
	json_object_put(kept->whole);
	memset(kept, 0, sizeof(*kept));
}

struct json_object *kept_begin(const char *boot_id, __u64 saved_s, __u32 last_id)
{
	struct json_object *o = json_object_new_object();

	if (o && js_add_u64(o, "version", KEPT_VERSION) && js_add_str(o, "boot_id", boot_id) &&
	    js_add_u64(o, "saved_s", saved_s) && js_add_u64(o, "last_id", last_id) &&
	    js_add_array(o, "rows"))
		return o;
	json_object_put(o);
	return NULL;
}

struct json_object *kept_add(struct json_object *whole, const struct kept_row *row,
			     const char *source, const char *asked)
{
	struct json_object *proposals = json_tokener_parse(asked), *rows, *files = NULL;
	struct json_object *o = json_object_new_object();

	if (proposals && o && !js_get_array(whole, "rows", &rows) && js_add_u64(o, "id", row->id) &&
	    js_add_u64(o, "uid", row->uid) && js_add_str(o, "state", tx_states[row->state].name) &&
	    js_add_bool(o, "approved", row->approved) && js_add_u64(o, "made_s", row->made_s) &&
	    js_add_u64(o, "due_s", row->due_s) && js_add_u64(o, "due_boot_ns", row->due_boot_ns) &&
	    js_add_str(o, "why", row->why) && js_add_str(o, "source", source) &&
	    js_add(o, "proposals", json_object_get(proposals)))
		files = js_add_array(o, "files");
	if (!files || json_object_array_add(rows, o)) {
		files = NULL;
		json_object_put(o);
	}
	json_object_put(proposals);
	return files;
}

bool kept_file(struct json_object *files, const char *path, const char *held)
{
	struct json_object *one = json_object_new_array();
	bool ok = one && !json_object_array_add(one, json_object_new_string(path)) &&
		  !json_object_array_add(one, json_object_new_string(held)) &&
		  !json_object_array_add(files, one);

	if (!ok)
		json_object_put(one);
	return ok;
}

static const char *text_at(struct json_object *pair, size_t index)
{
	return json_object_get_string(json_object_array_get_idx(pair, index));
}

const char *kept_held(const struct kept_row *row, const char *path)
{
	for (size_t i = 0; i < json_object_array_length(row->files); i++) {
		struct json_object *pair = json_object_array_get_idx(row->files, i);

		if (!strcmp(text_at(pair, 0), path))
			return text_at(pair, 1);
	}
	return NULL;
}

__u64 kept_due(const struct kept *kept, const struct kept_row *row, const char *boot_id,
	       __u64 now_boot_ns, __u64 now_s)
{
	__u64 from_s = now_s < kept->saved_s ? kept->saved_s : now_s, left_s;

	if (!strcmp(kept->boot_id, boot_id))
		return row->due_boot_ns;
	left_s = row->due_s > from_s ? row->due_s - from_s : 0;
	return left_s > (~0ULL - now_boot_ns) / S ? ~0ULL : now_boot_ns + left_s * S;
}
