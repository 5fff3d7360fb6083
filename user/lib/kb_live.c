// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* What the knowledge base is about, as it is on a machine: below a root. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ethtool.h"
#include "kb.h"
#include "parse.h"
#include "place.h"

#define X(id, name, pattern) KB_OBJECT_##id,
enum kb_object {
	KB_OBJECTS(X) KB_OBJECT_NR
};
#undef X
#define X(id, name, pattern) {"{" name "}", pattern},
static const struct {
	const char *object, *pattern;
} objects[] = {KB_OBJECTS(X)};
#undef X

int kb_machine_read(struct kb_machine *machine, const char *root)
{
	__u64 cpus[16]; /* 1024 of them */
	char text[4096];
	const char *at;
	ssize_t n = read_file(root, "/proc/meminfo", text, sizeof(text));
	__u64 kib;

	if (n < 0)
		return (int)n;
	at = strstr(text, "MemTotal:");
	if (!at)
		return -EBADMSG;
	at += strlen("MemTotal:");
	at += strspn(at, " ");
	if (parse_digits(&at, ~0ULL >> 10, &kib))
		return -EBADMSG;
	n = read_file(root, "/sys/devices/system/cpu/possible", text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (parse_cpus(text, cpus, sizeof(cpus) / sizeof(*cpus)))
		return -EBADMSG;
	*machine = (struct kb_machine){.memory_bytes = kib << 10};
	for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++)
		machine->cpus += (__u64)__builtin_popcountll(cpus[i]);
	return 0;
}

/* Which object a path has here; the number of kinds: none. */
static size_t object_at(const char *path)
{
	size_t i = 0;

	while (i < sizeof(objects) / sizeof(*objects) &&
	       strncmp(path, objects[i].object, strlen(objects[i].object)))
		i++;
	return i;
}

/* The next of "a,b", which is moved behind it: its length; "*" has a pattern, as nothing has. */
static size_t next_object(const char **list, const char **object)
{
	size_t len = strcspn(*list, ",");

	*object = *list;
	*list += len + ((*list)[len] == ',');
	return len == 1 && **object == '*' ? 0 : len;
}

/* A path with the objects of a list in their places, or a pattern where there is none. 0 or -ENAMETOOLONG. */
static int pattern_of(const char *path, const char *list, char *buf, size_t size)
{
	size_t len = 0;

	while (*path) {
		size_t i = object_at(path), n = 1, skip = 1;
		const char *text = path;

		if (i < sizeof(objects) / sizeof(*objects)) {
			skip = strlen(objects[i].object);
			n = next_object(&list, &text);
			if (!n) {
				text = objects[i].pattern;
				n = strlen(text);
			}
		}
		len += (size_t)snprintf(buf + len, size - len, "%.*s", (int)n, text);
		if (len >= size)
			return -ENAMETOOLONG;
		path += skip;
	}
	return 0;
}

/* A parameter of the kernel's command line: its value, "yes" where it has none. */
static int boot_now(const char *name, const char *root, char *buf, size_t size)
{
	char line[4096], *save = NULL;
	size_t len = strlen(name);
	ssize_t n = read_file(root, "/proc/cmdline", line, sizeof(line));

	if (n < 0)
		return (int)n;
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strncmp(word, name, len) || (word[len] && word[len] != '='))
			continue;
		snprintf(buf, size, "%s", word[len] ? word + len + 1 : "yes");
		return 0;
	}
	return -ENOENT;
}

int kb_read(const struct kb_parameter *p, const char *root, const char *path, char *buf,
	    size_t size)
{
	ssize_t n = place_read(root, path, buf, size);

	if (n < 0)
		return (int)n;
	if (p->type == KB_TYPE_CHOICE)
		choice_cut(buf);
	for (char *tab = buf; (tab = strchr(tab, '\t'));)
		*tab = ' ';
	return 0;
}

/* The files of a pattern below a root, found->gl_pathv with the root before them. 0 or negative errno. */
static int find(const char *root, const char *pattern, glob_t *found)
{
	char full[PATH_MAX];
	int err = root_path(full, sizeof(full), root, pattern);

	if (err)
		return err;
	err = glob(full, 0, NULL, found);
	return !err ? 0 : err == GLOB_NOSPACE ? -ENOMEM : -ENOENT;
}

/* Why nobody may ask a card. */
static const char *refusal(int err)
{
	switch (err) {
	case -EPERM:
		return "homeostatd was started without CAP_NET_ADMIN";
	case -EAGAIN:
		return "the kernel does not answer about network cards now; try again";
	case -EAFNOSUPPORT:
		return "netlink is not allowed here (RestrictAddressFamilies= of the unit)";
	default:
		return strerror(-err);
	}
}

/*
 * Settings of cards have no files: each interface is asked, whose name is that of the pattern, or fits it. One that has none of it
 * is none. How many there are, or what the visitor returned, or negative errno, with one clause in `why`.
 */
static int each_card(const char *pattern, const char *root,
		     int (*visit)(void *ctx, const char *path), void *ctx, char *why, size_t size)
{
	const char *name = pattern + strlen(ETHTOOL_PREFIX), *member = strchr(name, '/');
	char dir[PATH_MAX], path[128], value[16];
	glob_t found;
	int nr = 0, err;

	snprintf(dir, sizeof(dir), "/sys/class/net/%.*s", (int)(member - name), name);
	err = find(root, dir, &found);
	if (err) {
		snprintf(why, size, "%s: %s", dir, strerror(-err));
		return err;
	}
	for (size_t i = 0; err >= 0 && i < found.gl_pathc; i++) {
		snprintf(path, sizeof(path), ETHTOOL_PREFIX "%.32s%.64s",
			 strrchr(found.gl_pathv[i], '/') + 1, member);
		err = (int)place_read(root, path, value, sizeof(value));
		if (err >= 0 && ++nr > KB_FILES_MAX) {
			snprintf(why, size, "%s are more than %d", pattern, KB_FILES_MAX);
			err = -E2BIG;
		} else if (err >= 0) {
			err = visit(ctx, path);
			if (err)
				break;
		} else if (err == -EOPNOTSUPP || err == -ENODEV || err == -ENOENT ||
			   err == -EINVAL) {
			err = 0; /* its driver, or its name, has none */
		} else {
			snprintf(why, size, "%s: %s", path, refusal(err));
		}
	}
	globfree(&found);
	return err ? err : nr ? nr : -ENOENT;
}

/* Of the first card that has it. */
struct first_card {
	const struct kb_parameter *p;
	const char *root;
	char *buf;
	size_t size;
};

static int read_first(void *ctx, const char *path)
{
	struct first_card *f = ctx;
	int err = kb_read(f->p, f->root, path, f->buf, f->size);

	return err ? err : 1;
}

int kb_among(const struct kb_parameter *p, const char *root, const char *path, char *buf,
	     size_t size)
{
	const char *name = strrchr(path, '/');

	buf[0] = '\0';
	if (!p->among[0] || !name)
		return -ENOENT;
	return (int)read_filef(root, buf, size, "%.*s/%s", (int)(name - path), path, p->among);
}

/*
 * Leaves one name of each file, the first, and puts the others behind: CPUs that share a clock have its files by several. How
 * many, or -ENOMEM.
 */
static int distinct(const glob_t *found)
{
	struct stat *seen = calloc(found->gl_pathc, sizeof(*seen));
	size_t nr = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < found->gl_pathc; i++) {
		char *name = found->gl_pathv[i];
		size_t j = 0;

		if (stat(name, &seen[nr]))
			memset(&seen[nr], 0,
			       sizeof(*seen)); /* gone by now: whoever reads it will say so */
		while (j < nr && (!seen[nr].st_ino || seen[j].st_ino != seen[nr].st_ino ||
				  seen[j].st_dev != seen[nr].st_dev))
			j++;
		if (j < nr)
			continue;
		found->gl_pathv[i] = found->gl_pathv[nr];
		found->gl_pathv[nr++] = name;
	}
	free(seen);
	return (int)nr;
}

int kb_now(const struct kb_parameter *p, const char *root, char *buf, size_t size)
{
	struct first_card first = {p, root, buf, size};
	char pattern[PATH_MAX], why[160];
	glob_t found;
	int err;

	if (p->actuator == KB_BOOT)
		return boot_now(p->path, root, buf, size);
	if (!kb_actuators[p->actuator].begins[0])
		return -EOPNOTSUPP;
	err = pattern_of(p->path, "", pattern, sizeof(pattern));
	if (!err && p->actuator == KB_ETHTOOL) {
		err = each_card(pattern, root, read_first, &first, why, sizeof(why));
		return err < 0 ? err : 0;
	}
	if (!err)
		err = find(root, pattern, &found);
	if (err)
		return err;
	err = kb_read(p, NULL, found.gl_pathv[0], buf, size); /* already below the root */
	globfree(&found);
	return err;
}

/* One object: a name as the kernel gives them, or `*`; with slashes where it is a cgroup. */
static bool object_ok(const char *object, size_t len, bool slashes)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.:@/";

	if (len == 1 && *object == '*')
		return true;
	return len && strspn(object, good) >= len && object[0] != '.' && object[0] != '/' &&
	       object[len - 1] != '/' && (slashes || !memchr(object, '/', len)) &&
	       !memmem(object, len, "/.", 2) && !memmem(object, len, "//", 2);
}

int kb_check_objects(const struct kb_parameter *p, const char *list, char *why, size_t size)
{
	const char *path = p->path, *at = list, *object;
	unsigned int places = 0;
	bool more = *list;

	for (; *path; path++) {
		size_t i = object_at(path), len;

		if (i == sizeof(objects) / sizeof(*objects))
			continue;
		places++;
		object = at;
		len = strcspn(at, ",");
		if (!more || !object_ok(object, len, i == KB_OBJECT_CGROUP)) {
			snprintf(why, size, "expected %s[…] with one object for each place of %s",
				 p->name, p->path);
			return -EINVAL;
		}
		more = at[len] == ',';
		at += len + more;
	}
	if (!more && (places || !*list))
		return 0;
	snprintf(why, size, "more objects than %s has places for", p->path);
	return -EINVAL;
}

int kb_files(const struct kb_parameter *p, const char *list, const char *root,
	     int (*visit)(void *ctx, const char *path), void *ctx, char *why, size_t size)
{
	char pattern[PATH_MAX];
	glob_t found;
	int err, nr;

	if (p->actuator == KB_BOOT || !kb_actuators[p->actuator].begins[0]) {
		snprintf(why, size, "it is no file, and nothing changes it");
		return -EOPNOTSUPP;
	}
	err = kb_check_objects(p, list, why, size);
	if (err)
		return err;
	err = pattern_of(p->path, list, pattern, sizeof(pattern));
	if (!err && p->actuator == KB_ETHTOOL) {
		err = each_card(pattern, root, visit, ctx, why, size);
		if (err == -ENOENT)
			snprintf(why, size,
				 "there is no %s here, or its driver has no such setting", pattern);
		return err;
	}
	if (!err)
		err = find(root, pattern, &found);
	if (err) {
		snprintf(why, size, "there is no %s here", pattern);
		return err;
	}
	nr = err = distinct(&found);
	if (nr < 0)
		snprintf(why, size, "%s", strerror(-nr));
	if (nr > KB_FILES_MAX) {
		snprintf(why, size, "%s are %d files; expected %d at most", pattern, nr,
			 KB_FILES_MAX);
		err = -E2BIG;
	}
	for (int i = 0; err >= 0 && i < nr; i++) {
		err = visit(ctx, found.gl_pathv[i] + (root ? strlen(root) : 0));
		if (err)
			break;
	}
	globfree(&found);
	return err ? err : nr;
}

int kb_objects_of(const struct kb_parameter *p, const char *path, char list[KB_OBJECTS_LEN])
{
	const char *form = p->path;
	size_t len = 0;

	list[0] = '\0';
	while (*form) {
		size_t i = object_at(form), n, rest;

		if (i == sizeof(objects) / sizeof(*objects)) {
			if (*form++ != *path++)
				return -EINVAL;
			continue;
		}
		form += strlen(objects[i].object);
		/* up to what follows it; the last one may hold that, too: a cgroup has slashes */
		rest = strlen(form);
		n = strcspn(path, (char[]){*form, '\0'});
		if (!strchr(form, '{'))
			n = strlen(path) > rest ? strlen(path) - rest : 0;
		if (!n || len + 1 + n >= KB_OBJECTS_LEN)
			return -EINVAL;
		len += (size_t)snprintf(list + len, KB_OBJECTS_LEN - len, "%s%.*s", len ? "," : "",
					(int)n, path);
		path += n;
	}
	return *path ? -EINVAL : 0;
}

const struct kb_parameter *kb_name(const struct kb *kb, const char *text, char list[KB_OBJECTS_LEN],
				   char *why, size_t size)
{
	size_t len = strcspn(text, "["), rest = strlen(text + len);
	const struct kb_parameter *p;
	char name[128];

	list[0] = '\0';
	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	if (rest) {
		if (text[len + rest - 1] != ']' || rest < 3 || rest - 2 >= KB_OBJECTS_LEN) {
			snprintf(why, size, "'%.64s' is ill formed; expected NAME[OBJECT,…]", text);
			return NULL;
		}
		snprintf(list, KB_OBJECTS_LEN, "%.*s", (int)rest - 2, text + len + 1);
	}
	p = kb_find(kb, name);
	if (!p)
		snprintf(why, size,
			 "unknown parameter '%.64s'; expected one of `homeostat kb list`", name);
	return p;
}
