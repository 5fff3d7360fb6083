// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "boot_choose.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

/* What is being chosen. */
struct choice {
	const struct kb *kb;
	const struct kb_machine *machine;
	const char *line;
	const struct boot_parameter *p;
	unsigned int nr;
	char *why;
	size_t size;
};

static const struct boot_parameter *chosen(const struct choice *c, const char *name)
{
	for (unsigned int i = 0; i < c->nr; i++)
		if (!strcmp(c->p[i].name, name))
			return &c->p[i];
	return NULL;
}

/* Will it be there: by what is chosen, or else by the command line? */
static bool will_be(const struct choice *c, const struct kb_parameter *k)
{
	const struct boot_parameter *p = chosen(c, k->name);
	char word[BOOT_WORD_LEN];

	return p ? p->word[0] : boot_line_find(c->line, k->path, word) > 0;
}

/* A CPU that is not there is a slip of the pen, which the kernel takes without a word. */
static int check_cpus(const struct choice *c, const char *value)
{
	__u64 set[16]; /* 1024 of them */

	parse_cpus(value, set, sizeof(set) / sizeof(*set));
	for (__u64 cpu = c->machine->cpus; cpu < sizeof(set) * 8; cpu++) {
		if (!(set[cpu / 64] & 1ULL << (cpu % 64)))
			continue;
		snprintf(c->why, c->size, "CPU %llu is not there; expected 0 to %llu", cpu,
			 c->machine->cpus - 1);
		return -ERANGE;
	}
	return 0;
}

static int make_word(const struct choice *c, const struct kb_parameter *k, const char *value,
		     char word[BOOT_WORD_LEN])
{
	int err, n;

	word[0] = '\0';
	if (!*value)
		return 0;
	err = kb_value(k, value, c->machine, c->why, c->size);
	if (!err && k->type == KB_TYPE_CPUS)
		err = check_cpus(c, value);
	if (err)
		return err;
	if (k->type == KB_TYPE_FLAG && !strcmp(value, "no"))
		return 0;
	n = k->type == KB_TYPE_FLAG ? snprintf(word, BOOT_WORD_LEN, "%s", k->path)
				    : snprintf(word, BOOT_WORD_LEN, "%s=%s", k->path, value);
	if (n < BOOT_WORD_LEN && boot_plain(word))
		return 0;
	snprintf(c->why, c->size, "expected a value of less than 100 letters, digits and -_.,:");
	return -EINVAL;
}

/* "NAME=VALUE" → a parameter. */
static int choose(const struct choice *c, const char *text, struct boot_parameter *p)
{
	size_t len = strcspn(text, "=");
	const struct kb_parameter *k;
	char clause[256];
	int err;

	if (!text[len] || len >= sizeof(p->name)) {
		snprintf(c->why, c->size, "'%.64s' is not NAME=VALUE", text);
		return -EINVAL;
	}
	snprintf(p->name, sizeof(p->name), "%.*s", (int)len, text);
	k = kb_find(c->kb, p->name);
	if (!k || k->actuator != KB_BOOT || strlen(k->path) >= sizeof(p->key)) {
		snprintf(c->why, c->size,
			 k ? "%s is not of the kernel's command line"
			   : "unknown parameter '%s'; expected one of `homeostat kb list boot.`",
			 p->name);
		return -EINVAL;
	}
	if (k->report) {
		snprintf(c->why, c->size, "%s is only reported", p->name);
		return -EPERM;
	}
	if (chosen(c, p->name)) {
		snprintf(c->why, c->size, "%s stands there twice", p->name);
		return -EINVAL;
	}
	snprintf(p->key, sizeof(p->key), "%s", k->path);
	err = make_word(c, k, text + len + 1, p->word);
	if (!err)
		return 0;
	snprintf(clause, sizeof(clause), "%s", c->why);
	snprintf(c->why, c->size, "%s: '%.64s': %s", p->name, text + len + 1, clause);
	return err;
}

/* The next of words with blanks between them, into a name: *words is moved behind it. */
static bool next_name(const char **words, char name[BOOT_NAME_LEN])
{
	size_t len;

	*words += strspn(*words, " ");
	len = strcspn(*words, " ");
	snprintf(name, BOOT_NAME_LEN, "%.*s", (int)len, *words);
	*words += len;
	return len;
}

/* What will be there has to have what it needs, and nothing that it conflicts with. */
static int check_others(const struct choice *c, const struct kb_parameter *k)
{
	const char *words = k->needs;
	char name[BOOT_NAME_LEN];

	while (next_name(&words, name)) {
		const struct kb_parameter *other = kb_find(c->kb, name);

		if (!other || other->actuator != KB_BOOT || will_be(c, other))
			continue;
		snprintf(c->why, c->size, "%s needs %s, which is neither asked for nor there",
			 k->name, name);
		return -EINVAL;
	}
	for (words = k->conflicts; next_name(&words, name);) {
		const struct kb_parameter *other = kb_find(c->kb, name);

		if (!other || other->actuator != KB_BOOT || !will_be(c, other))
			continue;
		snprintf(c->why, c->size, "%s conflicts with %s", k->name, name);
		return -EINVAL;
	}
	return 0;
}

/* Is it chosen, or does it say something of what is? What else is amiss on the command line is for others. */
static bool concerned(const struct choice *c, const struct kb_parameter *k)
{
	if (k->actuator != KB_BOOT || !will_be(c, k))
		return false;
	for (unsigned int i = 0; i < c->nr; i++)
		if (!strcmp(c->p[i].name, k->name) || kb_has_word(k->needs, c->p[i].name) ||
		    kb_has_word(k->conflicts, c->p[i].name))
			return true;
	return false;
}

/* What a chosen one needs and nobody chose is there (check_others): does it have to go behind it? */
static bool taken_along(const struct choice *c, const struct kb_parameter *k)
{
	for (unsigned int i = 0; i < c->nr; i++) {
		const struct kb_parameter *by = kb_find(c->kb, c->p[i].name);

		if (c->p[i].word[0] && kb_has_word(by->needs, k->name))
			return true;
	}
	return false;
}

/* In the knowledge base's order, with what is taken along. */
static int put_in_order(const struct choice *c, struct boot_parameter *out, unsigned int *nr)
{
	char word[BOOT_WORD_LEN];

	*nr = 0;
	for (unsigned int i = 0; i < c->kb->nr; i++) {
		const struct kb_parameter *k = &c->kb->parameter[i];
		const struct boot_parameter *p = chosen(c, k->name);
		struct boot_parameter along = {0};

		if (!p && k->actuator == KB_BOOT && taken_along(c, k) &&
		    boot_line_find(c->line, k->path, word)) {
			snprintf(along.name, sizeof(along.name), "%s", k->name);
			snprintf(along.key, sizeof(along.key), "%s", k->path);
			snprintf(along.word, sizeof(along.word), "%s", word);
			p = &along;
		}
		if (!p)
			continue;
		if (*nr == BOOT_PARAMETERS_MAX || (p == &along && !boot_plain(word))) {
			snprintf(c->why, c->size, "too many parameters, or an odd one: %s",
				 k->name);
			return -E2BIG;
		}
		out[(*nr)++] = *p;
	}
	return 0;
}

int boot_choose(const struct kb *kb, const struct kb_machine *machine, const char *line,
		char *const *wanted, unsigned int wanted_nr, struct boot_parameter *p,
		unsigned int *nr, char *why, size_t size)
{
	struct boot_parameter some[BOOT_PARAMETERS_MAX];
	struct choice c = {kb, machine, line, some, 0, why, size};
	int err = 0;

	*nr = 0;
	if (!wanted_nr || wanted_nr > BOOT_PARAMETERS_MAX) {
		snprintf(why, size, "expected 1 to %d parameters", BOOT_PARAMETERS_MAX);
		return -E2BIG;
	}
	memset(some, 0, sizeof(some));
	for (unsigned int i = 0; i < wanted_nr && !err; i++) {
		err = choose(&c, wanted[i], &some[i]);
		c.nr = i + !err;
	}
	/* of all that will be there: to take one out may leave another without what it needs */
	for (unsigned int i = 0; i < kb->nr && !err; i++)
		if (concerned(&c, &kb->parameter[i]))
			err = check_others(&c, &kb->parameter[i]);
	return err ? err : put_in_order(&c, p, nr);
}
