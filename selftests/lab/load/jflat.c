// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * JSON for shell scripts: reads documents from stdin and prints one line `PATH VALUE` for each
 * leaf. An object in an array whose first member is "name" goes by that name, others by their
 * number. In strings, control characters become spaces.
 *
 *     {"knobs":[{"name":"a.b_us","value":5}],"ok":true}
 *
 * gives
 *
 *     knobs[a.b_us].name a.b_us
 *     knobs[a.b_us].value 5
 *     ok true
 *
 * Exit code 1 when it is not JSON.
 */
#include "load.h"

#define PATH_MAX_LEN 1024
#define DEPTH_MAX 32

struct parser {
	char path[PATH_MAX_LEN];
	size_t len;
	int depth;
	int c; /* character that comes next, EOF at the end */
};

static void wrong(const char *what)
{
	errx(1, "not JSON: %s", what);
}

static void next(struct parser *p)
{
	p->c = getchar();
}

static void space(struct parser *p)
{
	while (p->c == ' ' || p->c == '\t' || p->c == '\n' || p->c == '\r')
		next(p);
}

static void push(struct parser *p, const char *fmt, const char *s)
{
	int n = snprintf(p->path + p->len, sizeof(p->path) - p->len, fmt, s);

	if (n < 0 || (size_t)n >= sizeof(p->path) - p->len)
		wrong("too deep");
	p->len += (size_t)n;
}

static void pop(struct parser *p, size_t len)
{
	p->len = len;
	p->path[len] = 0;
}

/* The character that an escape stands for; \u only within ASCII, others become '?'. */
static int escape(struct parser *p)
{
	int c = p->c, u = 0;

	switch (c) {
	case 'u':
		for (int i = 0; i < 4; i++) {
			next(p);
			if (!p->c || !strchr("0123456789abcdefABCDEF", p->c))
				wrong("\\u");
			u = u * 16 + (p->c <= '9' ? p->c - '0' : (p->c | 32) - 'a' + 10);
		}
		return u >= 127 ? '?' : u < ' ' ? ' ' : u;
	case '"':
	case '\\':
	case '/':
		return c;
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return ' ';
	default:
		wrong("escape");
	}
	return c;
}

/* What does not fit into buf is dropped. */
static void string(struct parser *p, char *buf, size_t size)
{
	size_t n = 0;

	if (p->c != '"')
		wrong("a string should be here");
	for (next(p); p->c != '"'; next(p)) {
		int c = p->c;

		if (c == EOF)
			wrong("string without end");
		if (c == '\\') {
			next(p);
			c = escape(p);
		}
		if (n + 1 < size)
			buf[n++] = (char)(c >= 0 && c < ' ' ? ' ' : c);
	}
	buf[n] = 0;
	next(p);
}

static void leaf(const struct parser *p, const char *value)
{
	printf("%s %s\n", p->len ? p->path : ".", value);
}

static void word(struct parser *p)
{
	char buf[64];
	size_t n = 0;

	while (p->c != EOF && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", p->c) &&
	       n < sizeof(buf) - 1) {
		buf[n++] = (char)p->c;
		next(p);
	}
	buf[n] = 0;
	if (strcmp(buf, "true") && strcmp(buf, "false") && strcmp(buf, "null")) {
		char *end;

		strtod(buf, &end);
		if (!n || *end)
			wrong("a value should be here");
	}
	leaf(p, buf);
}

static void value(struct parser *p, const char *index);

/* index: where it stands in an array, NULL if not in one. */
static void object(struct parser *p, const char *index)
{
	char key[256], text[8192];
	bool first = true;
	size_t len;

	next(p);
	for (space(p); p->c != '}'; space(p), first = false) {
		if (!first) {
			if (p->c != ',')
				wrong("a comma should be here");
			next(p);
			space(p);
		}
		string(p, key, sizeof(key));
		space(p);
		if (p->c != ':')
			wrong("a colon should be here");
		next(p);
		space(p);
		if (first && index && !strcmp(key, "name") && p->c == '"') {
			string(p, text, sizeof(text));
			push(p, "[%s]", text);
			len = p->len;
			push(p, "%s", ".name");
			leaf(p, text);
			pop(p, len);
			continue;
		}
		if (first && index)
			push(p, "[%s]", index);
		len = p->len;
		push(p, len ? ".%s" : "%s", key);
		value(p, NULL);
		pop(p, len);
	}
	next(p);
}

static void array(struct parser *p)
{
	size_t len = p->len;
	unsigned int i = 0;
	char index[16];

	next(p);
	for (space(p); p->c != ']'; space(p), i++) {
		if (i) {
			if (p->c != ',')
				wrong("a comma should be here");
			next(p);
			space(p);
		}
		snprintf(index, sizeof(index), "%u", i);
		value(p, index);
		pop(p, len);
	}
	next(p);
}

static void value(struct parser *p, const char *index)
{
	char text[8192];

	if (++p->depth > DEPTH_MAX)
		wrong("too deep");
	if (index && p->c != '{')
		push(p, "[%s]", index);
	switch (p->c) {
	case '{':
		object(p, index);
		break;
	case '[':
		array(p);
		break;
	case '"':
		string(p, text, sizeof(text));
		leaf(p, text);
		break;
	default:
		word(p);
	}
	p->depth--;
}

int main(int argc, char **argv)
{
	struct parser p = {};

	if (argc > 1)
		errx(2, "Usage: %s <JSON: one line PATH VALUE for each leaf", argv[0]);
	next(&p);
	for (space(&p); p.c != EOF; space(&p))
		value(&p, NULL);
	return 0;
}
