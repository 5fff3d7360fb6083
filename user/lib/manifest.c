// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "profile.h"
#include "version.h"

_Static_assert(HS_SLOTS == 2, "an item for each policy");

static const struct {
	const char *key;
	bool file;
} items[MANIFEST_ITEM_NR] = {
#define X(id, key, file, ...) [MANIFEST_##id] = {key, file},
	MANIFEST_ITEMS(X)
#undef X
};
#define HASH_KEY "sha256" /* of the lines before it */

static int __attribute__((format(printf, 3, 4))) wrong(char *error, size_t size, const char *fmt,
						       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void manifest_hash(const void *bytes, size_t len, char hash[MANIFEST_HASH_LEN + 1])
{
	SHA256Data(bytes, len, hash);
}

char *manifest_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), err = 0;
	char *bytes = NULL;
	size_t at = 0;
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st))
		err = errno;
	else if (!S_ISREG(st.st_mode))
		err = EINVAL;
	else if (st.st_size > (off_t)MANIFEST_FILE_MAX)
		err = EFBIG;
	else if (!(bytes = malloc((size_t)st.st_size + 1)))
		err = ENOMEM;
	while (!err && at < (size_t)st.st_size && n) {
		n = read(fd, bytes + at, (size_t)st.st_size - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			err = errno;
	}
	close(fd);
	if (err) {
		free(bytes);
		errno = err;
		return NULL;
	}
	bytes[at] = '\0';
	*len = at;
	return bytes;
}

/* ---- making ---- */

static int take_file(struct manifest *m, enum manifest_item item, const char *path, char *error,
		     size_t size)
{
	char *bytes = NULL;
	size_t len;

	if (realpath(path, m->path[item]))
		bytes = manifest_file(m->path[item], &len);
	if (!bytes) {
		int err = errno;

		wrong(error, size, "%s: %s", path,
		      err == EINVAL ? "not a plain file" : strerror(err));
		return -err;
	}
	if (strpbrk(m->path[item], "\n\r")) {
		free(bytes);
		return wrong(error, size, "%s: a name of more than one line", path);
	}
	manifest_hash(bytes, len, m->value[item]);
	free(bytes);
	return 0;
}

/* What a knob may be: the interface's bounds, narrowed by the profile; and the invariants. */
static int take_bounds(struct manifest *m, char *error, size_t size)
{
	struct profile profile;
	char *text = NULL;
	size_t len = 0;
	FILE *f;
	int err;

	err = profile_load(&profile, m->path[MANIFEST_PROFILE], error, size);
	if (err)
		return err;
	if (profile.calendar.nr) {
		profile_free(&profile);
		return wrong(error, size,
			     "%s: a profile with a calendar is several that take turns; certified "
			     "is one",
			     m->path[MANIFEST_PROFILE]);
	}
	f = open_memstream(&text, &len);
	for (__u32 id = 0; f && id < HS_KNOB_NR; id++) {
		const struct hs_bound *b = &profile.knob[id].bound;

		fprintf(f, "%s %llu %llu %llu %llu\n", knob_infos[id].name, b->min, b->max,
			b->stock, b->slew_per_s);
	}
	for (__u32 i = 0; f && i < profile.config.limits_nr; i++) {
		const struct hs_limit *l = &profile.config.limit[i];

		fprintf(f, "%s %llu %u\n", vital_infos[l->vital].name, l->max, l->windows);
	}
	profile_free(&profile);
	if (!f || fclose(f)) {
		free(text);
		snprintf(error, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	manifest_hash(text, len, m->value[MANIFEST_BOUNDS]);
	free(text);
	return 0;
}

/* The lines but for the last one. */
static void put_lines(FILE *f, const struct manifest *m)
{
	for (int i = 0; i < MANIFEST_ITEM_NR; i++) {
		if (!m->value[i][0])
			continue;
		fprintf(f, "%s: %s", items[i].key, m->value[i]);
		if (items[i].file)
			fprintf(f, " %s", m->path[i]);
		fputc('\n', f);
	}
}

char *manifest_text(const struct manifest *m)
{
	char *text = NULL, hash[MANIFEST_HASH_LEN + 1];
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	put_lines(f, m);
	if (!fflush(f)) {
		manifest_hash(text, len, hash);
		fprintf(f, HASH_KEY ": %s\n", hash);
	}
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

/* Fills in m->hash. */
static int seal(struct manifest *m)
{
	char *text = manifest_text(m);
	size_t len;

	if (!text)
		return -ENOMEM;
	len = strlen(text);
	memcpy(m->hash, text + len - 1 - MANIFEST_HASH_LEN, MANIFEST_HASH_LEN);
	free(text);
	return 0;
}

int manifest_make(struct manifest *m, const struct manifest_parts *parts, char *error, size_t size)
{
	int err;

	memset(m, 0, sizeof(*m));
	snprintf(m->value[MANIFEST_VERSION], sizeof(m->value[0]), "%d", MANIFEST_FORMAT);
	snprintf(m->value[MANIFEST_PROGRAM], sizeof(m->value[0]), "%s", HS_VERSION);
	snprintf(m->value[MANIFEST_INTERFACE], sizeof(m->value[0]), "%d", HS_ABI_VERSION);
	manifest_hash(parts->object, parts->object_len, m->value[MANIFEST_KERNEL]);
	err = take_file(m, MANIFEST_PROFILE, parts->profile, error, size);
	if (!err)
		err = take_bounds(m, error, size);
	if (!err)
		err = take_file(m, MANIFEST_PARAMETERS, parts->parameters, error, size);
	for (__u32 i = 0; i < HS_SLOTS && !err && parts->policy[i]; i++)
		err = take_file(m, MANIFEST_POLICY_0 + i, parts->policy[i], error, size);
	if (!err) {
		err = seal(m);
		if (err)
			snprintf(error, size, "%s", strerror(-err));
	}
	return err;
}

/* ---- reading ---- */

static bool hash_ok(const char *text)
{
	return strspn(text, "0123456789abcdef") == MANIFEST_HASH_LEN;
}

/* The value of an item: the rest of its line. */
static bool take_value(struct manifest *m, enum manifest_item item, const char *value)
{
	const bool hashed = item >= MANIFEST_KERNEL;
	size_t len = items[item].file ? MANIFEST_HASH_LEN : strlen(value);

	if (!*value || len > MANIFEST_HASH_LEN ||
	    (hashed &&
	     (!hash_ok(value) || value[MANIFEST_HASH_LEN] != (items[item].file ? ' ' : '\0'))))
		return false;
	memcpy(m->value[item], value, len);
	if (!items[item].file)
		return true;
	value += len + 1;
	if (*value != '/' || strlen(value) >= sizeof(m->path[item]))
		return false;
	strcpy(m->path[item], value);
	return true;
}

/* One line, without its end. 1: it was the last one, the hash; negative errno: told. */
static int take_line(struct manifest *m, int *next, const char *line, int nr, char *error,
		     size_t size)
{
	const size_t key = strcspn(line, ":");

	if (strncmp(line + key, ": ", 2))
		return wrong(error, size, "%d: expected KEY: VALUE", nr);
	if (!strncmp(line, HASH_KEY, key) && key == strlen(HASH_KEY)) {
		if (!hash_ok(line + key + 2) || line[key + 2 + MANIFEST_HASH_LEN])
			return wrong(error, size, "%d: no hash", nr);
		strcpy(m->hash, line + key + 2);
		return 1;
	}
	if (*next >= MANIFEST_ITEM_NR || strlen(items[*next].key) != key ||
	    strncmp(line, items[*next].key, key))
		return wrong(error, size, "%d: '%.*s' is not expected here", nr,
			     (int)(key < 40 ? key : 40), line);
	if (!take_value(m, (enum manifest_item)(*next)++, line + key + 2))
		return wrong(error, size, "%d: no value of '%.*s'", nr, (int)key, line);
	return 0;
}

int manifest_parse(struct manifest *m, const char *text, size_t len, char *error, size_t size)
{
	char line[PATH_MAX + 2 * MANIFEST_HASH_LEN], hash[MANIFEST_HASH_LEN + 1];
	size_t at = 0, n;
	int next = 0, nr = 0, rc = 0;

	memset(m, 0, sizeof(*m));
	while (!rc && at < len) {
		const char *end = memchr(text + at, '\n', len - at);

		nr++;
		n = end ? (size_t)(end - text) - at : sizeof(line);
		if (n >= sizeof(line) || memchr(text + at, '\0', n))
			return wrong(error, size, "%d: no line of a manifest", nr);
		memcpy(line, text + at, n);
		line[n] = '\0';
		rc = take_line(m, &next, line, nr, error, size);
		if (!rc)
			at += n + 1;
	}
	if (rc < 0)
		return rc;
	if (!rc || next < MANIFEST_POLICY_0)
		return wrong(error, size, "it is not whole");
	if (at + strlen(line) + 1 != len)
		return wrong(error, size, "%d: something follows its hash", nr + 1);
	manifest_hash(text, at, hash);
	if (strcmp(hash, m->hash))
		return wrong(error, size,
			     "it was changed after it was made: its lines have the hash %s", hash);
	return 0;
}

int manifest_read(struct manifest *m, const char *path, char *error, size_t size)
{
	char why[256];
	size_t len = 0;
	char *text = manifest_file(path, &len);
	int err;

	if (!text) {
		err = -errno;
		snprintf(error, size, "%s: %s", path,
			 err == -EINVAL ? "not a plain file" : strerror(-err));
		return err;
	}
	err = manifest_parse(m, text, len, why, sizeof(why));
	free(text);
	if (err)
		snprintf(error, size, "%s: %s; `homeostat certify` makes one", path, why);
	return err;
}

bool manifest_differs(const struct manifest *expected, const struct manifest *found, char *text,
		      size_t size)
{
	for (int i = 0; i < MANIFEST_ITEM_NR; i++) {
		const char *a = expected->value[i], *b = found->value[i];

		if (!strcmp(a, b) && !strcmp(expected->path[i], found->path[i]))
			continue;
		snprintf(text, size, "%s%s%s: expected %s%s%s, found %s%s%s", items[i].key,
			 items[i].file ? " " : "", items[i].file ? expected->path[i] : "",
			 *a ? a : "none", strcmp(a, b) || !items[i].file ? "" : " ",
			 strcmp(a, b) ? "" : expected->path[i], *b ? b : "none",
			 strcmp(a, b) || !items[i].file ? "" : " ",
			 strcmp(a, b) ? "" : found->path[i]);
		return true;
	}
	return false;
}

void manifest_bytes(const struct manifest *m, __u8 hash[MANIFEST_HASH_LEN / 2])
{
	for (int i = 0; i < MANIFEST_HASH_LEN / 2; i++) {
		char digits[3] = {m->hash[2 * i], m->hash[2 * i + 1], '\0'};

		hash[i] = (__u8)strtoul(digits, NULL, 16);
	}
}
