// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_grub.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot_grubenv.h"

#define BEGIN "### BEGIN homeostat: one boot on trial; see homeostat(8), BOOT ###\n"
#define END "### END homeostat ###\n"
#define PERMANENT "# Made by `homeostat boot keep`; `homeostat boot revert` takes it away.\n"
#define BLANKS " \t"

/* A line without its newline. */
struct line {
	const char *text; /* without what it is indented by */
	size_t len;
	const char *begin, *next; /* with it; behind its newline */
};

/* The next line of a text, at @at. False at its end. */
static bool next_line(const char *at, struct line *l)
{
	if (!*at)
		return false;
	l->begin = at;
	at += strspn(at, BLANKS);
	l->text = at;
	l->len = strcspn(at, "\n");
	l->next = at + l->len + (at[l->len] == '\n');
	return true;
}

/* Is its first word that one? */
static bool begins(const struct line *l, const char *word)
{
	size_t n = strlen(word);

	return l->len > n && !memcmp(l->text, word, n) && strchr(BLANKS, l->text[n]);
}

static bool ends_in(const struct line *l, char c)
{
	size_t len = l->len;

	while (len && strchr(BLANKS, l->text[len - 1]))
		len--;
	return len && l->text[len - 1] == c;
}

static bool is_linux(const struct line *l)
{
	return begins(l, "linux") || begins(l, "linux16") || begins(l, "linuxefi");
}

/* The second word of a line, and what is behind it. */
static size_t operand(const struct line *l, const char **word, const char **rest)
{
	const char *end = l->text + l->len, *at = l->text + strcspn(l->text, BLANKS);
	size_t len;

	at += strspn(at, BLANKS);
	len = strcspn(at, BLANKS "\n");
	*word = at;
	*rest = at + len;
	return at < end ? len : 0;
}

int grub_cfg_check(const char *cfg, char *why, size_t size)
{
	if (!strstr(cfg, "set default=\"${next_entry}\"") || !strstr(cfg, "save_env next_entry"))
		snprintf(why, size,
			 "grub.cfg does not take next_entry for one boot, as GRUB 2's "
			 "own 00_header does");
	else if (!strstr(cfg, "/custom.cfg"))
		snprintf(why, size,
			 "grub.cfg does not read custom.cfg, as GRUB 2's own 41_custom "
			 "does");
	else
		return 0;
	return -EOPNOTSUPP;
}

int grub_kernel(const char *line, char kernel[GRUB_KERNEL_LEN])
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.+~/@";
	const char *at = line + strspn(line, BLANKS);
	size_t len;

	if (strncmp(at, "BOOT_IMAGE=", 11))
		at = strstr(line, " BOOT_IMAGE=");
	if (!at)
		return -ENOENT;
	at = strchr(at, '=') + 1;
	len = strcspn(at, BLANKS "\n");
	if (*at == '(' && memchr(at, ')', len)) {
		const char *path = (const char *)memchr(at, ')', len) + 1;

		len -= (size_t)(path - at);
		at = path;
	}
	if (len >= GRUB_KERNEL_LEN || *at != '/' || strspn(at, good) < len)
		return -EINVAL;
	snprintf(kernel, GRUB_KERNEL_LEN, "%.*s", (int)len, at);
	return 0;
}

static int bad_entry(char *why, size_t size, const char *what)
{
	snprintf(why, size, "grub.cfg: %s", what);
	return -EBADMSG;
}

/* The body of the menu entry whose head is @l; *next: behind it. 0 or -EBADMSG. */
static int entry_body(const struct line *l, struct grub_entry *e, const char **next, char *why,
		      size_t size)
{
	static const char option[] = " --unrestricted ";
	struct line in = {.next = l->next};

	if (!ends_in(l, '{'))
		return bad_entry(why, size, "a menu entry that does not open on its first line");
	*e = (struct grub_entry){.body = l->next,
				 .unrestricted = memmem(l->text, l->len, option, strlen(option))};
	while (next_line(in.next, &in)) {
		if (in.len == 1 && *in.text == '}') {
			e->len = (size_t)(in.begin - e->body);
			*next = in.next;
			return 0;
		}
		if (ends_in(&in, '{'))
			return bad_entry(why, size, "a menu entry with another block in it");
		if (ends_in(&in, '\\'))
			return bad_entry(why, size, "a menu entry with a line that goes on");
	}
	return bad_entry(why, size, "a menu entry without an end");
}

/* The line of a body that boots a kernel; the last one, if there are several. False: it boots none. */
static bool linux_line(const struct grub_entry *e, struct line *found)
{
	struct line l = {.next = e->body};
	bool there = false;

	while (l.next < e->body + e->len && next_line(l.next, &l)) {
		if (is_linux(&l)) {
			*found = l;
			there = true;
		}
	}
	return there;
}

/* Does an entry boot that kernel; with what parameters? */
static bool boots(const struct grub_entry *e, const char *kernel, char args[BOOT_LINE_MAX])
{
	const char *word, *rest;
	struct line l;
	size_t len;

	if (!linux_line(e, &l))
		return false;
	len = operand(&l, &word, &rest);
	if (len != strlen(kernel) || memcmp(word, kernel, len))
		return false;
	snprintf(args, BOOT_LINE_MAX, "%.*s", (int)(l.text + l.len - rest), rest);
	return true;
}

/* The next entry of that kernel in a text, which is moved behind it. 1: found; 0: no more; -EBADMSG. */
static int next_entry(const char **at, const char *kernel, struct grub_entry *e,
		      char args[BOOT_LINE_MAX], char *why, size_t size)
{
	struct line l;

	while (next_line(*at, &l)) {
		int err;

		*at = l.next;
		if (!begins(&l, "menuentry"))
			continue;
		err = entry_body(&l, e, at, why, size);
		if (err)
			return err;
		if (boots(e, kernel, args))
			return 1;
	}
	return 0;
}

int grub_entry_find(const char *cfg, const char *kernel, const char *line, struct grub_entry *entry,
		    char *why, size_t size)
{
	char args[BOOT_LINE_MAX], wanted[BOOT_LINE_MAX], its[BOOT_LINE_MAX];
	struct grub_entry e;
	bool any = false;
	int more;

	if (boot_line_change(wanted, line, NULL, 0))
		wanted[0] = '\0';
	while ((more = next_entry(&cfg, kernel, &e, args, why, size)) > 0) {
		bool same = !boot_line_change(its, args, NULL, 0) && !strcmp(its, wanted);

		if (!any || same)
			*entry = e;
		any = true;
		if (same)
			break;
	}
	if (more < 0)
		return more;
	if (any)
		return 0;
	snprintf(why, size, "grub.cfg has no menu entry for %s, which runs%s", kernel,
		 strstr(cfg, "blscfg") ? "; entries of the boot loader specification (blscfg) are "
					 "not supported"
				       : "");
	return -ENOENT;
}

bool grub_cfg_has(const char *cfg, const char *kernel, const struct boot_parameter *p,
		  unsigned int nr)
{
	static const char *const rescue[] = {"single", "recovery"};
	char args[BOOT_LINE_MAX], why[64], word[BOOT_WORD_LEN];
	struct grub_entry e;
	bool any = false;

	while (next_entry(&cfg, kernel, &e, args, why, sizeof(why)) > 0) {
		if (boot_line_find(args, rescue[0], word) || boot_line_find(args, rescue[1], word))
			continue;
		for (unsigned int i = 0; i < nr; i++)
			if (!boot_line_has(args, &p[i]))
				return false;
		any = true;
	}
	return any;
}

/* Text that grows in a buffer; too long is found out at the end. */
struct text {
	char *at;
	size_t len, size;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	size_t left = t->len < t->size ? t->size - t->len : 0;
	va_list ap;

	va_start(ap, fmt);
	t->len += (size_t)vsnprintf(left ? t->at + t->len : NULL, left, fmt, ap);
	va_end(ap);
}

/* A command line with each word in quotes, as GRUB may see something in it; boot_line_check() has it. */
static void add_line(struct text *t, const char *line)
{
	while (*line) {
		size_t len = strcspn(line, " ");

		add(t, " '%.*s'", (int)len, line);
		line += len + strspn(line + len, " ");
	}
	add(t, "\n");
}

/*
 * GRUB has forgotten next_entry before it comes here, if it can write to its disk. It is told once more, as that answers whether it can: where it
 * cannot, this would be booted again and again, and so the present command line is.
 */
static void add_linux(struct text *t, const struct line *l, const char *trial, const char *present)
{
	const char *kernel, *rest;
	size_t len = operand(l, &kernel, &rest);
	int command = (int)strcspn(l->text, BLANKS);

	add(t, "\tset next_entry=\n\tif save_env next_entry; then\n");
	add(t, "\t\t%.*s %.*s", command, l->text, (int)len, kernel);
	add_line(t, trial);
	add(t, "\telse\n\t\t%.*s %.*s", command, l->text, (int)len, kernel);
	add_line(t, present);
	add(t, "\tfi\n");
}

int grub_trial_text(char out[GRUB_ENTRY_MAX], const struct grub_entry *entry, const char *trial,
		    const char *present)
{
	struct text t = {.at = out, .size = GRUB_ENTRY_MAX};
	struct line l = {.next = entry->body}, boot;

	if (!linux_line(entry, &boot))
		return -EBADMSG;
	add(&t, BEGIN "menuentry 'homeostat: one boot on trial'%s --id " GRUB_ENTRY " {\n",
	    entry->unrestricted ? " --unrestricted" : "");
	/* a kernel that is gone: on to the first entry, without a key being pressed */
	add(&t, "\tset fallback=0\n");
	while (l.next < entry->body + entry->len && next_line(l.next, &l)) {
		/* which would make it the one for ever, were it chosen by hand */
		if (l.len == strlen("savedefault") && !memcmp(l.text, "savedefault", l.len))
			continue;
		if (l.text == boot.text)
			add_linux(&t, &l, trial, present);
		else if (!is_linux(&l))
			add(&t, "\t%.*s\n", (int)l.len, l.text);
	}
	add(&t, "}\n" END);
	return t.len < t.size ? 0 : -E2BIG;
}

int grub_trial_line(const char *text, size_t len, char line[BOOT_LINE_MAX])
{
	struct line l = {.next = text};
	const char *kernel, *at;
	size_t n = 0;

	while (l.next < text + len && next_line(l.next, &l)) {
		if (!is_linux(&l))
			continue;
		operand(&l, &kernel, &at);
		for (; at < l.text + l.len; at++)
			if (*at != '\'' && (n || *at != ' ') && n < BOOT_LINE_MAX - 1)
				line[n++] = *at;
		line[n] = '\0';
		return 0;
	}
	return -EBADMSG;
}

int grub_custom_find(const char *custom, const char **begin, size_t *len)
{
	const char *first = strstr(custom, BEGIN), *end = strstr(custom, END);

	if (!first && !end)
		return -ENOENT;
	if (!first || !end || end < first || strstr(first + 1, BEGIN) || strstr(end + 1, END) ||
	    (first > custom && first[-1] != '\n'))
		return -EBADMSG;
	*begin = first;
	*len = (size_t)(end - first) + strlen(END);
	return 0;
}

int grub_custom_set(const char *custom, const char *entry, char **out)
{
	size_t n = strlen(custom), cut = 0, size;
	const char *begin = custom + n;
	int err = grub_custom_find(custom, &begin, &cut);

	if (err == -EBADMSG)
		return err;
	size = n + (entry ? strlen(entry) : 0) + 2;
	*out = malloc(size);
	if (!*out)
		return -ENOMEM;
	snprintf(*out, size, "%.*s%s", (int)(begin - custom), custom, begin + cut);
	n = strlen(*out);
	if (entry) /* others' last line may have no end */
		snprintf(*out + n, size - n, "%s%s", n && (*out)[n - 1] != '\n' ? "\n" : "", entry);
	return 0;
}

/* A shell's pattern of a key: - and _ are the same. */
static void add_pattern(struct text *t, const char *key)
{
	for (; *key; key++)
		add(t, *key == '-' || *key == '_' ? "[-_]" : "%c", *key);
}

int grub_permanent_text(char out[GRUB_PERMANENT_MAX], const struct boot_parameter *p,
			unsigned int nr)
{
	struct text t = {.at = out, .size = GRUB_PERMANENT_MAX};

	add(&t, PERMANENT "# What stood there of the same parameters is taken out, so that none "
			  "stands there twice.\n"
			  "homeostat_without() {\n\thomeostat_line=\n\tset -f\n"
			  "\tfor homeostat_word in $1; do\n\t\tcase $homeostat_word in\n");
	for (unsigned int i = 0; i < nr; i++) {
		add(&t, "\t\t");
		add_pattern(&t, p[i].key);
		add(&t, " | ");
		add_pattern(&t, p[i].key);
		add(&t, "=*) ;;\n");
	}
	add(&t, "\t\t*) homeostat_line=\"$homeostat_line${homeostat_line:+ }$homeostat_word\" ;;\n"
		"\t\tesac\n\tdone\n\tset +f\n}\n"
		"homeostat_without \"${GRUB_CMDLINE_LINUX:-}\"\n"
		"GRUB_CMDLINE_LINUX=$homeostat_line\n"
		"homeostat_without \"${GRUB_CMDLINE_LINUX_DEFAULT:-}\"\n"
		"GRUB_CMDLINE_LINUX_DEFAULT=\"$homeostat_line");
	for (unsigned int i = 0; i < nr; i++)
		add(&t, "%s%s", p[i].word[0] ? " " : "", p[i].word);
	add(&t, "\"\nunset homeostat_line homeostat_word\nunset -f homeostat_without\n");
	return t.len < t.size ? 0 : -E2BIG;
}

bool grub_permanent_ours(const char *text)
{
	return !strncmp(text, PERMANENT, strlen(PERMANENT));
}
