/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* Strict parsing: the whole text or nothing. Also small files below a root (law 7). */
#ifndef HOMEOSTAT_PARSE_H
#define HOMEOSTAT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

/* Decimal digits only: no sign, no space, no 0x. 0, -EINVAL or -ERANGE. */
int parse_u64(const char *text, __u64 *value);

/* The same with an upper limit. 0, -EINVAL or -ERANGE. */
int parse_u64_max(const char *text, __u64 max, __u64 *value);

/*
 * The digits at *text, which is moved behind them: for numbers within a text. 0, -EINVAL (no digit) or
 * -ERANGE (above max); then neither is changed.
 */
int parse_digits(const char **text, __u64 max, __u64 *value);

/*
 * A list of CPUs as the kernel writes it ("0-3,8") into a bit set of `words` 64-bit words, cleared
 * first. "" and "(null)" are the empty set. 0, -EINVAL, or -ERANGE (CPU beyond the set).
 */
int parse_cpus(const char *text, __u64 *set, size_t words);

/* The same words, however they are spaced (blanks, tabs)? Pure. */
bool same_words(const char *a, const char *b);

/* Cuts `text` down to the word in brackets ("always [madvise] never"), if there is one: was there? */
bool choice_cut(char *text);

/*
 * Reads a file of /proc or /sys below `root` ("" or NULL: the real one) into buf, NUL-terminated,
 * trailing newline removed. `path` is absolute. Returns its length or negative errno;
 * -EFBIG when it does not fit (buf then holds the beginning).
 */
ssize_t read_file(const char *root, const char *path, char *buf, size_t size);

/* The same for a printf-like path. */
ssize_t read_filef(const char *root, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * Writes `text` and a newline, by one write(), into a file of /proc or /sys below `root`; it must be
 * there. 0, or negative errno; -EMSGSIZE: 4 KiB and more; -EIO: less was taken.
 */
int write_file(const char *root, const char *path, const char *text);

/* `path` as seen from anywhere; links in it stay links. 0 or negative errno. */
int path_absolute(char *buf, size_t size, const char *path);

/* Joins root and absolute path into buf: 0 or -ENAMETOOLONG. */
int root_path(char *buf, size_t size, const char *root, const char *path);

#endif
