// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\n"

bool boot_plain(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.,:=";

	return text[0] && !text[strspn(text, good)];
}

/* The next word of *line, which is moved behind it; its length, 0: there is none. */
static size_t next_word(const char **line, const char **word)
{
	size_t len;

	*word = *line + strspn(*line, BLANKS);
	len = strcspn(*word, BLANKS);
	*line = *word + len;
	return len;
}

int boot_line_check(const char *line, char *why, size_t size)
{
	const char *word;
	size_t len;

	for (const char *c = line; *c; c++) {
		if (*c == '"' || *c == '\'' || *c == '\\' || (unsigned char)*c < ' ' ||
		    (unsigned char)*c > '~') {
			snprintf(
				why, size,
				"the kernel's command line has character 0x%02x in it, which would "
				"not come through GRUB as it is",
				(unsigned char)*c);
			return -EINVAL;
		}
	}
	while ((len = next_word(&line, &word))) {
		if (len == 2 && !memcmp(word, "--", 2)) {
			snprintf(why, size,
				 "the kernel's command line has words for init (behind --), which "
				 "is not supported");
			return -EINVAL;
		}
	}
	return 0;
}

static bool is_key(const char *word, size_t len, const char *key)
{
	size_t n = strlen(key);

	if (len < n || (len > n && word[n] != '='))
		return false;
	for (size_t i = 0; i < n; i++) {
		char a = word[i] == '-' ? '_' : word[i], b = key[i] == '-' ? '_' : key[i];

		if (a != b)
			return false;
	}
	return true;
}

unsigned int boot_line_find(const char *line, const char *key, char found[BOOT_WORD_LEN])
{
	unsigned int nr = 0;
	const char *word;
	size_t len;

	found[0] = '\0';
	while ((len = next_word(&line, &word))) {
		if (!is_key(word, len, key))
			continue;
		nr++;
		snprintf(found, BOOT_WORD_LEN, "%.*s", (int)len, word);
	}
	return nr;
}

bool boot_line_has(const char *line, const struct boot_parameter *p)
{
	char word[BOOT_WORD_LEN];
	unsigned int nr = boot_line_find(line, p->key, word);

	return nr == (p->word[0] != '\0') && !strcmp(word, p->word);
}

static int append(char *out, size_t *at, const char *word, size_t len)
{
	if (*at + !!*at + len >= BOOT_LINE_MAX)
		return -E2BIG;
	if (*at)
		out[(*at)++] = ' ';
	memcpy(out + *at, word, len);
	*at += len;
	out[*at] = '\0';
	return 0;
}

int boot_line_change(char out[BOOT_LINE_MAX], const char *line, const struct boot_parameter *p,
		     unsigned int nr)
{
	const char *word;
	size_t len, at = 0;
	int err = 0;

	out[0] = '\0';
	while (!err && (len = next_word(&line, &word))) {
		bool ours = is_key(word, len, "BOOT_IMAGE");

		for (unsigned int i = 0; i < nr && !ours; i++)
			ours = is_key(word, len, p[i].key);
		if (!ours)
			err = append(out, &at, word, len);
	}
	for (unsigned int i = 0; i < nr && !err; i++)
		if (p[i].word[0])
			err = append(out, &at, p[i].word, strlen(p[i].word));
	return err;
}
