/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The kernel's command line: words with blanks between them, KEY or KEY=VALUE. In a key, - and _ are the same to the kernel. */
#ifndef HOMEOSTAT_BOOT_LINE_H
#define HOMEOSTAT_BOOT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define BOOT_LINE_MAX 2048 /* COMMAND_LINE_SIZE on x86 and arm64, with its NUL */
#define BOOT_WORD_LEN 160
#define BOOT_NAME_LEN 64
#define BOOT_PARAMETERS_MAX 24

/* A parameter, and what it is meant to be. */
struct boot_parameter {
	char name[BOOT_NAME_LEN]; /* in the knowledge base */
	char key[BOOT_NAME_LEN];
	char old[BOOT_WORD_LEN];  /* the word that stood there; "": none */
	char word[BOOT_WORD_LEN]; /* KEY or KEY=VALUE; "": none is to stand there */
};

/* Is it something that neither GRUB nor a shell sees anything in? Letters, digits and - _ . , : =; not empty. Pure. */
bool boot_plain(const char *text);

/*
 * Could it be handed on by GRUB as it is? 0; -EINVAL with one clause in `why`: quotation marks, backslashes, `--`, or what is no plain
 * character. Pure.
 */
int boot_line_check(const char *line, char *why, size_t size);

/* How many words have that key; the last of them in `word`, "" where there is none. Pure. */
unsigned int boot_line_find(const char *line, const char *key, char word[BOOT_WORD_LEN]);

/* Does the line have the parameter as it is meant to be, and no other word with its key? Pure. */
bool boot_line_has(const char *line, const struct boot_parameter *p);

/*
 * The line without BOOT_IMAGE and without the words of these parameters, with theirs behind it, in their order; words once blanked. 0 or
 * -E2BIG, where a kernel would cut it. Pure.
 */
int boot_line_change(char out[BOOT_LINE_MAX], const char *line, const struct boot_parameter *p,
		     unsigned int nr);

#endif
