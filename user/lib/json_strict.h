/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What json-c lets pass even where it is told to be strict. Private to json*.c, and their tests. */
#ifndef HOMEOSTAT_JSON_STRICT_H
#define HOMEOSTAT_JSON_STRICT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Are all words of the text those of RFC 8259: strings in double quotes, of UTF-8, without control
 * characters; numbers in its form, whole ones that fit in 64 bits (-2^63 to 2^64 - 1), others finite;
 * true, false, null? How they are put together is json-c's business. *keys: colons outside of
 * strings, which is what keys there are once it has agreed.
 */
bool json_strict(const char *text, size_t len, size_t *keys);

/* Length of the string at @text with its quotes, 0 = it is none. Behind the text there has to be a NUL, or more of it. */
size_t json_string_len(const char *text, size_t len);

/* Length of the number or literal at @text, 0 = it is none. */
size_t json_word_len(const char *text, size_t len);

/* Length of the UTF-8 sequence at s, 0 if it is none (overlong forms and surrogates included). */
int utf8_len(const unsigned char *s, size_t left);

#endif
