// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "json_strict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 40 /* characters: no number that means anything here is longer */

int utf8_len(const unsigned char *s, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} form[] = {
		{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (int n = 0; n < 4 && (size_t)n < left; n++) {
		unsigned int code = s[0] & (unsigned char)~form[n].mask;

		if ((s[0] & form[n].mask) != form[n].lead)
			continue;
		for (int i = 1; i <= n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		if (code < form[n].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return 0;
		return n + 1;
	}
	return 0;
}

/* The UTF-16 unit that an escape \\uXXXX stands for, -1 = it is none. */
static long unit_of(const char *text, size_t len)
{
	char digits[5] = "";

	if (len < 6 || text[0] != '\\' || text[1] != 'u')
		return -1;
	memcpy(digits, text + 2, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/*
 * Length of an escape, 0 = what it stands for may not be here: NUL, which would cut the string short, or
 * half a character. What an escape is, json-c checks.
 */
static size_t escape_len(const char *text, size_t len)
{
	long unit = unit_of(text, len), second;

	if (unit < 0)
		return text[1] == 'u' ? 0 : 2;
	if (!unit || (unit >= 0xdc00 && unit < 0xe000))
		return 0;
	if (unit < 0xd800 || unit >= 0xe000)
		return 6;
	second = unit_of(text + 6, len - 6);
	return second >= 0xdc00 && second < 0xe000 ? 12 : 0;
}

size_t json_string_len(const char *text, size_t len)
{
	size_t at = 1;

	while (at < len && text[at] != '"') {
		size_t n = text[at] == '\\' && len - at > 1
				   ? escape_len(text + at, len - at)
				   : (size_t)utf8_len((const unsigned char *)text + at, len - at);

		if (!n || (unsigned char)text[at] < 0x20)
			return 0;
		at += n;
	}
	return at < len ? at + 1 : 0;
}

static const char *digits_end(const char *p)
{
	return p + strspn(p, "0123456789");
}

/* Behind a number in its form, NULL = there is none; *whole: it has no fraction and no exponent. */
static const char *number_end(const char *p, bool *whole)
{
	const char *end;

	p += *p == '-';
	end = *p == '0' ? p + 1 : digits_end(p);
	if (end == p)
		return NULL;
	*whole = *end != '.' && *end != 'e' && *end != 'E';
	if (*end == '.') {
		p = end + 1;
		end = digits_end(p);
		if (end == p)
			return NULL;
	}
	if (*end == 'e' || *end == 'E') {
		p = end + 1;
		p += *p == '+' || *p == '-';
		end = digits_end(p);
		if (end == p)
			return NULL;
	}
	return end;
}

static bool is_number(const char *word)
{
	bool whole;
	const char *end = number_end(word, &whole);

	if (!end || *end)
		return false;
	if (!whole)
		return isfinite(strtod(word, NULL));
	errno = 0;
	if (*word == '-')
		strtoll(word, NULL, 10);
	else
		strtoull(word, NULL, 10);
	return !errno;
}

size_t json_word_len(const char *text, size_t len)
{
	static const char ends[] = "{}[],:\" \t\r\n";
	char word[NUMBER_MAX + 1];
	size_t n = 0;

	while (n < len && text[n] && !strchr(ends, text[n]))
		n++;
	if (!n || n > NUMBER_MAX)
		return 0;
	memcpy(word, text, n);
	word[n] = '\0';
	return is_number(word) || !strcmp(word, "true") || !strcmp(word, "false") ||
			       !strcmp(word, "null")
		       ? n
		       : 0;
}

bool json_strict(const char *text, size_t len, size_t *keys)
{
	size_t at = 0, n;

	*keys = 0;
	while (at < len) {
		*keys += text[at] == ':';
		if (text[at] && strchr("{}[],: \t\r\n", text[at])) {
			at++;
			continue;
		}
		n = text[at] == '"' ? json_string_len(text + at, len - at)
				    : json_word_len(text + at, len - at);
		if (!n)
			return false;
		at += n;
	}
	return true;
}
