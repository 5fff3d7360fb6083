// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "json_find.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json_strict.h"

/* One walk through a value. */
struct walk {
	const char *text;
	size_t len, at;
	int depth;
	const char *why; /* it stopped */
	struct json_fault *fault;
};

static void append(char pointer[JSON_POINTER_LEN], const char *step)
{
	size_t len = strlen(pointer);

	if (len + strlen(step) < JSON_POINTER_LEN)
		strcpy(pointer + len, step);
}

void json_pointer_key(char pointer[JSON_POINTER_LEN], const char *key, size_t len)
{
	char step[2 * JSON_FIND_KEY_LEN + 2] = "/";
	size_t n = 1;

	for (size_t i = 0; i < len && n + 2 < sizeof(step); i++) {
		if (key[i] == '~' || key[i] == '/') {
			step[n++] = '~';
			step[n++] = key[i] == '~' ? '0' : '1';
		} else {
			step[n++] = key[i];
		}
	}
	step[n] = '\0';
	append(pointer, step);
}

void json_pointer_index(char pointer[JSON_POINTER_LEN], size_t index)
{
	char step[24];

	snprintf(step, sizeof(step), "/%zu", index);
	append(pointer, step);
}

static bool broken(struct walk *w, const char *why)
{
	w->why = why;
	return false;
}

/* With the line of the text, for who has to mend it. Only once: lines are counted from the beginning. */
static void tell(const struct walk *w)
{
	unsigned int line = 1;

	for (size_t i = 0; i < w->at && i < w->len; i++)
		line += w->text[i] == '\n';
	snprintf(w->fault->why, sizeof(w->fault->why), "not JSON in line %u: %s", line, w->why);
}

static char next(struct walk *w)
{
	while (w->at < w->len && w->text[w->at] && strchr(" \t\r\n", w->text[w->at]))
		w->at++;
	return w->at < w->len ? w->text[w->at] : '\0';
}

static bool take(struct walk *w, char c)
{
	bool there = next(w) == c;

	w->at += there;
	return there;
}

/* An escape is one of few; json_string_len() has seen that there is something behind a backslash. */
static bool escapes_ok(const char *text, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (text[i] == '\\' && (!text[++i] || !strchr("\"\\/bfnrtu", text[i])))
			return false;
	}
	return true;
}

static bool walk_value(struct walk *w);

struct keys {
	const char *name[JSON_FIND_KEYS];
	size_t len[JSON_FIND_KEYS], nr;
};

/* Takes a key, which becomes a step of the pointer. */
static bool walk_key(struct walk *w, struct keys *seen)
{
	const char *name = w->text + w->at + 1;
	size_t len = next(w) == '"' ? json_string_len(w->text + w->at, w->len - w->at) : 0;

	name = w->text + w->at + 1;
	if (!len)
		return broken(w, "expected a key in double quotes");
	if (len - 2 > JSON_FIND_KEY_LEN || memchr(name, '\\', len - 2))
		return broken(w, "a key that is too long, or has an escape; expected a plain name");
	json_pointer_key(w->fault->pointer, name, len - 2);
	for (size_t i = 0; i < seen->nr; i++) {
		if (seen->len[i] == len && !memcmp(seen->name[i], name, len - 2))
			return broken(w, "this key stands twice; expected once");
	}
	if (seen->nr == JSON_FIND_KEYS)
		return broken(w, "too many keys in one object; expected at most 64");
	seen->name[seen->nr] = name;
	seen->len[seen->nr++] = len;
	w->at += len;
	return true;
}

static bool walk_object(struct walk *w)
{
	size_t pointer = strlen(w->fault->pointer);
	struct keys seen = {.nr = 0};

	if (take(w, '}'))
		return true;
	do {
		if (!walk_key(w, &seen))
			return false;
		if (!take(w, ':'))
			return broken(w, "expected ':' behind a key");
		if (!walk_value(w))
			return false;
		w->fault->pointer[pointer] = '\0';
	} while (take(w, ','));
	return take(w, '}') || broken(w, "expected ',' or '}'");
}

static bool walk_array(struct walk *w)
{
	size_t pointer = strlen(w->fault->pointer), index = 0;

	if (take(w, ']'))
		return true;
	do {
		json_pointer_index(w->fault->pointer, index++);
		if (!walk_value(w))
			return false;
		w->fault->pointer[pointer] = '\0';
	} while (take(w, ','));
	return take(w, ']') || broken(w, "expected ',' or ']'");
}

static bool walk_value(struct walk *w)
{
	char c = next(w);
	bool right;
	size_t n;

	if (c == '{' || c == '[') {
		if (w->depth == JSON_FIND_DEPTH)
			return broken(w, "nested too deep; expected at most 6 levels");
		w->depth++;
		w->at++;
		right = c == '{' ? walk_object(w) : walk_array(w);
		w->depth--;
		return right;
	}
	n = c == '"' ? json_string_len(w->text + w->at, w->len - w->at)
		     : json_word_len(w->text + w->at, w->len - w->at);
	if (!n || (c == '"' && !escapes_ok(w->text + w->at, n)))
		return broken(w, c == '"' ? "a text without an end, with a control character or a "
					    "bad escape; expected \"…\""
					  : "expected a text in double quotes, a number, true, "
					    "false, null, an object or a list");
	w->at += n;
	return true;
}

size_t json_value_len(const char *text, size_t len, struct json_fault *fault)
{
	struct walk w = {.text = text, .len = len, .fault = fault};

	*fault = (struct json_fault){0};
	if (!len || (*text != '{' && *text != '['))
		broken(&w, "no object and no list; expected one");
	else if (walk_value(&w))
		return w.at;
	tell(&w);
	return 0;
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_FIND_DEPTH + 2);
	struct json_object *found = NULL;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	found = json_tokener_parse_ex(tok, text, (int)len);
	json_tokener_free(tok);
	return found;
}

/* Does it look as if JSON were meant? Chatter has brackets, too. */
static bool is_meant(const char *text, size_t len)
{
	size_t at = 1;

	while (at < len && text[at] && strchr(" \t\r\n", text[at]))
		at++;
	return at < len && (text[0] == '{' ? text[at] == '"' || text[at] == '}' : text[at] == '{');
}

/* Of a list the members decide: "[1]" is a footnote. */
static bool is_candidate(struct json_object *found)
{
	if (json_object_is_type(found, json_type_object))
		return true;
	for (size_t i = 0; i < json_object_array_length(found); i++) {
		if (json_object_is_type(json_object_array_get_idx(found, i), json_type_object))
			return true;
	}
	return false;
}

static int refuse(struct json_object **value, struct json_fault *fault, const char *why)
{
	json_object_put(*value);
	*value = NULL;
	*fault = (struct json_fault){0};
	snprintf(fault->why, sizeof(fault->why), "%s", why);
	return -EINVAL;
}

/* Keeps what was found unless it is chatter, or the same again. */
static int keep(struct json_object **value, struct json_object *found, struct json_fault *fault)
{
	if (!found) {
		refuse(value, fault, "out of memory");
		return -ENOMEM;
	}
	if (is_candidate(found) && !*value) {
		*value = found;
		return 0;
	}
	if (!is_candidate(found) || json_object_equal(*value, found)) {
		json_object_put(found);
		return 0;
	}
	json_object_put(found);
	return refuse(value, fault, "two different JSON values; expected one");
}

int json_find(const char *text, size_t len, struct json_object **found, struct json_fault *fault)
{
	int err = 0;

	*found = NULL;
	for (size_t at = 0; at < len && !err;) {
		struct walk w = {.text = text, .len = len, .at = at, .fault = fault};

		if (text[at] != '{' && text[at] != '[') {
			at++;
			continue;
		}
		*fault = (struct json_fault){0};
		if (walk_value(&w)) {
			err = keep(found, parse(text + at, w.at - at), fault);
			at = w.at;
		} else if (is_meant(text + at, len - at)) {
			json_object_put(*found);
			*found = NULL;
			tell(&w);
			return -EINVAL;
		} else {
			at++;
		}
	}
	if (!err && !*found)
		err = refuse(found, fault, "no JSON object or list of objects; expected one");
	if (!err)
		*fault = (struct json_fault){0};
	return err;
}
