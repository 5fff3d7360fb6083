// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int parse_digits(const char **text, __u64 max, __u64 *value)
{
	const char *p = *text;
	__u64 v = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10ULL, &v) ||
		    __builtin_add_overflow(v, (__u64)(*p - '0'), &v) || v > max)
			return -ERANGE;
	}
	*text = p;
	*value = v;
	return 0;
}

int parse_u64_max(const char *text, __u64 max, __u64 *value)
{
	__u64 v;
	int err = parse_digits(&text, max, &v);

	if (err)
		return err;
	if (*text)
		return -EINVAL;
	*value = v;
	return 0;
}

int parse_u64(const char *text, __u64 *value)
{
	return parse_u64_max(text, ~0ULL, value);
}

bool same_words(const char *a, const char *b)
{
	static const char spaces[] = " \t";

	for (;;) {
		size_t la, lb;

		a += strspn(a, spaces);
		b += strspn(b, spaces);
		la = strcspn(a, spaces);
		lb = strcspn(b, spaces);
		if (la != lb || memcmp(a, b, la))
			return false;
		if (!la)
			return true;
		a += la;
		b += lb;
	}
}

bool choice_cut(char *text)
{
	char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;

	if (!to || to == from + 1 || (from > text && from[-1] != ' ') || (to[1] && to[1] != ' '))
		return false;
	*to = '\0';
	memmove(text, from + 1, (size_t)(to - from));
	return true;
}

int parse_cpus(const char *text, __u64 *set, size_t words)
{
	__u64 first, last;
	int err;

	memset(set, 0, words * sizeof(*set));
	if (!*text || !strcmp(text, "(null)"))
		return 0;
	for (;;) {
		err = parse_digits(&text, ~0ULL, &first);
		if (err)
			return err;
		last = first;
		if (*text == '-') {
			text++;
			err = parse_digits(&text, ~0ULL, &last);
			if (err)
				return err;
		}
		if (last < first)
			return -EINVAL;
		if (last >= words * 64)
			return -ERANGE;
		for (__u64 cpu = first; cpu <= last; cpu++)
			set[cpu / 64] |= 1ULL << (cpu % 64);
		if (!*text)
			return 0;
		if (*text++ != ',')
			return -EINVAL;
	}
}

int root_path(char *buf, size_t size, const char *root, const char *path)
{
	int len = snprintf(buf, size, "%s%s", root ? root : "", path);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int path_absolute(char *buf, size_t size, const char *path)
{
	int len;

	if (path[0] == '/')
		return root_path(buf, size, "", path);
	if (!getcwd(buf, size))
		return errno == ERANGE ? -ENAMETOOLONG : -errno;
	len = (int)strlen(buf);
	return root_path(buf + len, size - (size_t)len, "/", path);
}

ssize_t read_file(const char *root, const char *path, char *buf, size_t size)
{
	char full[PATH_MAX];
	size_t len = 0;
	ssize_t n = 0;
	int fd, err;

	buf[0] = '\0';
	err = root_path(full, sizeof(full), root, path);
	if (err)
		return err;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	if (n < 0) {
		err = -errno;
	} else if (len == size - 1) {
		char more;

		n = read(fd, &more, 1);
		err = n > 0 ? -EFBIG : n < 0 ? -errno : 0;
	}
	close(fd);
	buf[len] = '\0';
	if (err)
		return err;
	if (len && buf[len - 1] == '\n')
		buf[--len] = '\0';
	return (ssize_t)len;
}

int write_file(const char *root, const char *path, const char *text)
{
	char full[PATH_MAX], line[4096];
	int len = snprintf(line, sizeof(line), "%s\n", text), fd, err;
	ssize_t n;

	if (len < 0 || (size_t)len >= sizeof(line))
		return -EMSGSIZE;
	err = root_path(full, sizeof(full), root, path);
	if (err)
		return err;
	/* truncating means nothing to the kernel's own files, but does to those of a test */
	fd = open(full, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, line, (size_t)len);
	err = n < 0 ? -errno : n != len ? -EIO : 0;
	close(fd);
	return err;
}

ssize_t read_filef(const char *root, char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		buf[0] = '\0';
		return -ENAMETOOLONG;
	}
	return read_file(root, path, buf, size);
}
