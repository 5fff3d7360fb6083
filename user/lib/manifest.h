/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * The manifest of the certified mode: what decides, each with the SHA-256 of its bytes, one item a line, in this order, and at the
 * end the hash of the lines before. It is YAML, and read strictly. `homeostat certify` makes it; homeostatd --manifest makes it
 * again from the same files, and does not start where an item differs.
 */
#ifndef HOMEOSTAT_MANIFEST_H
#define HOMEOSTAT_MANIFEST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "../../kern/abi.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_HASH_LEN 64 /* hexadecimal digits */
#define MANIFEST_FILE_MAX (16U * 1024 * 1024)

/*
 * Items: X(ID, key, is a file, meaning). A line is "KEY: VALUE", where the value of a file is "HASH PATH"; policies that there are
 * not have no line.
 */
#define MANIFEST_ITEMS(X)                                                                          \
	X(VERSION, "manifest", false, "version of this format")                                    \
	X(PROGRAM, "program", false, "version of homeostat")                                       \
	X(INTERFACE, "interface", false, "version of the kernel interface")                        \
	X(KERNEL, "kernel_programs", false, "hash of the object that is loaded into the kernel")   \
	X(BOUNDS, "bounds", false, "hash of each knob's bounds, by interface and profile")         \
	X(PROFILE, "profile", true, "what it acts by")                                             \
	X(PARAMETERS, "parameters", true, "the knowledge base")                                    \
	X(POLICY_0, "policy_0", true, "the policy that acts in place of the profile's rules")      \
	X(POLICY_1, "policy_1", true, "the one that is asked beside it, in shadow")

enum manifest_item {
#define X(id, ...) MANIFEST_##id,
	MANIFEST_ITEMS(X)
#undef X
	MANIFEST_ITEM_NR
};

struct manifest {
	char value[MANIFEST_ITEM_NR][MANIFEST_HASH_LEN + 1]; /* "" = there is no such item */
	char path[MANIFEST_ITEM_NR][PATH_MAX];		     /* absolute; of files */
	char hash[MANIFEST_HASH_LEN + 1];		     /* of the lines */
};

/* What it is made of. */
struct manifest_parts {
	const void *object; /* the kernel object of this program */
	size_t object_len;
	const char *profile, *parameters; /* files */
	const char *policy[HS_SLOTS];	  /* likewise; NULL = none */
};

/* Makes it. 0, or negative errno and `error`: which file, and what is wrong with it. */
int manifest_make(struct manifest *m, const struct manifest_parts *parts, char *error, size_t size);

/* Reads one. 0, or negative errno and `error`: -EINVAL where it is none, or was changed; the line, and what is wrong. */
int manifest_read(struct manifest *m, const char *path, char *error, size_t size);
int manifest_parse(struct manifest *m, const char *text, size_t len, char *error, size_t size);

/* The file of it; the caller's, or NULL with errno. */
char *manifest_text(const struct manifest *m);

/* The first item in which they differ, in words: expected and found. false: none. */
bool manifest_differs(const struct manifest *expected, const struct manifest *found, char *text,
		      size_t size);

/* The hash as bytes. */
void manifest_bytes(const struct manifest *m, __u8 hash[MANIFEST_HASH_LEN / 2]);

/*
 * The bytes of a plain file, with a NUL behind them; the caller's. NULL with errno: EFBIG above MANIFEST_FILE_MAX, EINVAL for what
 * is no plain file.
 */
char *manifest_file(const char *path, size_t *len);

/* SHA-256 of bytes, in hexadecimal digits. */
void manifest_hash(const void *bytes, size_t len, char hash[MANIFEST_HASH_LEN + 1]);

#endif
