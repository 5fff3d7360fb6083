// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

#define X(id, name, open, meaning) {name, open, meaning},
const struct boot_state_info boot_states[BOOT_STATE_NR] = {BOOT_STATES(X)};
#undef X

bool boot_id_ok(const char *id)
{
	if (strlen(id) != BOOT_ID_LEN - 1)
		return false;
	for (size_t i = 0; id[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? id[i] != '-' : !strchr("0123456789abcdef", id[i]))
			return false;
	}
	return true;
}

static int bad(char *why, size_t size, const char *where, const char *what)
{
	snprintf(why, size, "%s: expected %s", where, what);
	return -EBADMSG;
}

/* A text of plain characters that fits; with @none it may be "". */
static int get_plain(struct json_object *o, const char *key, char *buf, size_t size, bool none)
{
	const char *text;

	if (js_get_str(o, key, &text) || strlen(text) >= size ||
	    (*text ? !boot_plain(text) : !none))
		return -EBADMSG;
	snprintf(buf, size, "%s", text);
	return 0;
}

/* Its words have to be of its key; what stood there before may be anything that a command line can have. */
static int parse_parameter(struct boot_parameter *p, struct json_object *o)
{
	char word[BOOT_WORD_LEN], why[128];
	const char *old;

	if (!json_object_is_type(o, json_type_object) || json_object_object_length(o) != 4 ||
	    get_plain(o, "name", p->name, sizeof(p->name), false) ||
	    get_plain(o, "key", p->key, sizeof(p->key), false) || strchr(p->key, '=') ||
	    get_plain(o, "word", p->word, sizeof(p->word), true) || js_get_str(o, "old", &old) ||
	    strlen(old) >= sizeof(p->old) || boot_line_check(old, why, sizeof(why)))
		return -EBADMSG;
	snprintf(p->old, sizeof(p->old), "%s", old);
	if ((p->word[0] && (boot_line_find(p->word, p->key, word) != 1 || strcmp(word, p->word))) ||
	    (p->old[0] && (boot_line_find(p->old, p->key, word) != 1 || strcmp(word, p->old))))
		return -EBADMSG;
	return 0;
}

static int parse_list(struct boot_parameter *list, unsigned int *nr, struct json_object *o,
		      const char *key, char *why, size_t size)
{
	struct json_object *array;
	char word[BOOT_WORD_LEN];

	if (js_get_array(o, key, &array) || json_object_array_length(array) > BOOT_PARAMETERS_MAX)
		return bad(why, size, key, "a list of at most 24 parameters");
	*nr = 0;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		if (parse_parameter(&list[i], json_object_array_get_idx(array, i)))
			return bad(why, size, key, "of each name, key, old and word");
		for (size_t k = 0; k < i; k++)
			if (boot_line_find(list[k].key, list[i].key, word))
				return bad(why, size, key, "each of them once");
		*nr = (unsigned int)i + 1;
	}
	return 0;
}

static int get_id(struct json_object *o, const char *key, char id[BOOT_ID_LEN])
{
	const char *text;

	if (js_get_str(o, key, &text) || (*text && !boot_id_ok(text)))
		return -EBADMSG;
	snprintf(id, BOOT_ID_LEN, "%s", text);
	return 0;
}

static int get_kernel(struct json_object *o, char kernel[GRUB_KERNEL_LEN])
{
	char line[GRUB_KERNEL_LEN + 16];
	const char *text;

	kernel[0] = '\0';
	if (js_get_str(o, "kernel", &text) || strlen(text) >= GRUB_KERNEL_LEN)
		return -EBADMSG;
	if (!*text)
		return 0;
	snprintf(line, sizeof(line), "BOOT_IMAGE=%s", text);
	return grub_kernel(line, kernel) || strcmp(kernel, text) ? -EBADMSG : 0;
}

static int parse(struct boot_journal *j, struct json_object *o, char *why, size_t size)
{
	const char *state;
	__u64 version;
	int i = 0;

	if (js_get_u64(o, "version", &version) || version != BOOT_JOURNAL_VERSION)
		return bad(why, size, "version", "1");
	if (js_get_str(o, "state", &state))
		return bad(why, size, "state", "a text");
	while (i < BOOT_STATE_NR && strcmp(boot_states[i].name, state))
		i++;
	if (i == BOOT_STATE_NR)
		return bad(why, size, "state", "one that there is");
	j->state = (enum boot_state)i;
	if (get_id(o, "boot_id", j->boot_id) || get_id(o, "seen_id", j->seen_id))
		return bad(why, size, "boot_id, seen_id", "the id of a boot");
	if (js_get_u64(o, "at_s", &j->at_s))
		return bad(why, size, "at_s", "a time in seconds");
	if (get_kernel(o, j->kernel))
		return bad(why, size, "kernel", "a path");
	if (parse_list(j->trial, &j->trial_nr, o, "trial", why, size) ||
	    parse_list(j->permanent, &j->permanent_nr, o, "permanent", why, size))
		return -EBADMSG;
	if (json_object_object_length(o) != 8)
		return bad(why, size, "the whole", "nothing more in it");
	/* a trial without parameters, or of no boot, is none */
	if (boot_states[i].open && (!j->trial_nr || !j->boot_id[0] || !j->kernel[0]))
		return bad(why, size, "trial", "what is on trial, with boot_id and kernel");
	return 0;
}

int boot_journal_parse(struct boot_journal *j, const char *text, size_t len, char *why, size_t size)
{
	struct json_object *o;
	int err;

	memset(j, 0, sizeof(*j));
	while (len && text[len - 1] == '\n')
		len--;
	o = len <= BOOT_JOURNAL_MAX ? js_parse(text, len) : NULL;
	err = o ? parse(j, o, why, size) : bad(why, size, "the whole", "one JSON object");
	json_object_put(o);
	if (err)
		memset(j, 0, sizeof(*j));
	return err;
}

static bool add_list(struct json_object *o, const char *key, const struct boot_parameter *p,
		     unsigned int nr)
{
	struct json_object *array = js_add_array(o, key);

	for (unsigned int i = 0; array && i < nr; i++) {
		struct json_object *one = js_push_obj(array);

		if (!one || !js_add_str(one, "name", p[i].name) ||
		    !js_add_str(one, "key", p[i].key) || !js_add_str(one, "old", p[i].old) ||
		    !js_add_str(one, "word", p[i].word))
			return false;
	}
	return array;
}

int boot_journal_text(const struct boot_journal *j, char **text)
{
	struct json_object *o = json_object_new_object();
	bool ok = o && js_add_u64(o, "version", BOOT_JOURNAL_VERSION) &&
		  js_add_str(o, "state", boot_states[j->state].name) &&
		  js_add_str(o, "boot_id", j->boot_id) && js_add_str(o, "seen_id", j->seen_id) &&
		  js_add_u64(o, "at_s", j->at_s) && js_add_str(o, "kernel", j->kernel) &&
		  add_list(o, "trial", j->trial, j->trial_nr) &&
		  add_list(o, "permanent", j->permanent, j->permanent_nr);

	*text = NULL;
	if (ok && asprintf(text, "%s\n", js_line(o)) < 0)
		*text = NULL;
	json_object_put(o);
	return *text ? 0 : -ENOMEM;
}

int boot_merge(struct boot_parameter *p, unsigned int *nr, const struct boot_parameter *with,
	       unsigned int with_nr)
{
	char word[BOOT_WORD_LEN];

	for (unsigned int i = 0; i < with_nr; i++) {
		struct boot_parameter one = with[i];
		unsigned int left = 0;

		/* the new one goes to the end: the order of words may mean something */
		for (unsigned int k = 0; k < *nr; k++) {
			if (!boot_line_find(p[k].key, one.key, word))
				p[left++] = p[k];
			else /* what was there before any of ours */
				snprintf(one.old, sizeof(one.old), "%s", p[k].old);
		}
		if (left == BOOT_PARAMETERS_MAX)
			return -E2BIG;
		p[left] = one;
		*nr = left + 1;
	}
	return 0;
}
