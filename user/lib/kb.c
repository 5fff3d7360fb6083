// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include "kb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ethtool.h"
#include "kb_file.h"
#include "names.h"
#include "parse.h"
#include "units.h"

#define PART "parameters"

#define X(id, name, begins, text) {name, begins, text},
const struct kb_word kb_actuators[KB_ACTUATOR_NR] = {KB_ACTUATORS(X)};
#undef X
#define X(id, name, text) {name, "", text},
const struct kb_word kb_types[KB_TYPE_NR] = {KB_TYPES(X)};
const struct kb_word kb_timings[KB_TIMING_NR] = {KB_TIMINGS(X)};
#undef X

#define X(id, name, pattern) name,
static const char *const objects[] = {KB_OBJECTS(X)};
#undef X

/* Units that a parameter may have: what its file, or the kernel's command line, counts in. */
static const char *const units[] = {"count", "bytes", "KiB",	 "pages",   "ns",  "us", "ms",
				    "cs",    "s",     "jiffies", "percent", "kHz", "uW", "packets"};

/* ---- reading ---- */

struct reading {
	struct yaml_file yaml;
	const struct kb *kb;
	int index; /* of the present parameter */
};

#define WRONG(r, key, ...)                                                                         \
	yaml_file_wrong(&(r)->yaml, yaml_file_line(&(r)->yaml, PART, (r)->index, key), __VA_ARGS__)

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static char *names_of(const struct kb_word *words, int nr, char *buf, size_t size)
{
	size_t len = 0;

	for (int i = 0; i < nr && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? ", " : "",
					words[i].name);
	return buf;
}

/* The number of one of @nr words, or -EINVAL, told. */
static int word_of(struct reading *r, const char *key, const char *text,
		   const struct kb_word *words, int nr)
{
	char known[128];

	for (int i = 0; i < nr; i++) {
		if (!strcmp(words[i].name, text))
			return i;
	}
	return WRONG(r, key, "unknown %s '%s'; expected one of: %s", key, text,
		     names_of(words, nr, known, sizeof(known)));
}

static int read_yes(struct reading *r, const char *key, const char *text, bool *value)
{
	if (text && strcmp(text, "yes") && strcmp(text, "no"))
		return WRONG(r, key, "'%s: %s'; expected yes or no", key, text);
	*value = text && !strcmp(text, "yes");
	return 0;
}

/* "4096", "5% of memory", "2 per cpu". */
static int read_bound(struct reading *r, const char *key, const char *text, const char *unit,
		      struct kb_bound *bound)
{
	const char *rest = text;

	if (!text)
		return 0;
	if (parse_digits(&rest, ~0ULL, &bound->value))
		return WRONG(r, key, "'%s: %s'; expected a number, 'N%% of memory' or 'N per cpu'",
			     key, text);
	if (!*rest) {
		bound->kind = KB_PLAIN;
	} else if (!strcmp(rest, " per cpu")) {
		bound->kind = KB_PER_CPU;
	} else if (!strcmp(rest, "% of memory") && bound->value <= 100) {
		if (!kb_unit_bytes(unit))
			return WRONG(r, key,
				     "'%s: %s' of something in %s; expected bytes, KiB or pages",
				     key, text, unit);
		bound->kind = KB_OF_MEMORY;
		bound->value *= 10;
	} else {
		return WRONG(r, key, "'%s: %s'; expected a number, 'N%% of memory' or 'N per cpu'",
			     key, text);
	}
	return 0;
}

/* Of a card: one of what can be changed there. */
static int check_card(struct reading *r, const struct kb_parameter *p)
{
	static const char begins[] = ETHTOOL_PREFIX "{interface}";
	char path[128], known[256] = "";
	const struct ethtool_member *m;
	size_t nr, len = 0;

	if (!strncmp(p->path, begins, strlen(begins)) &&
	    snprintf(path, sizeof(path), ETHTOOL_PREFIX "any%s", p->path + strlen(begins)) <
		    (int)sizeof(path) &&
	    ethtool_may_write(path))
		return 0;
	m = ethtool_members(&nr);
	for (size_t i = 0; i < nr && len < sizeof(known); i++) {
		if (m[i].set)
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
						len ? ", " : "", m[i].name);
	}
	return WRONG(r, "path", "'path: %s' of actuator ethtool; expected '%s/…' with one of: %s",
		     p->path, begins, known);
}

/* Every object in braces is one that we know how to find. */
static int check_path(struct reading *r, const struct kb_parameter *p)
{
	const char *begins = kb_actuators[p->actuator].begins, *at = p->path, *end;

	if (strncmp(p->path, begins, strlen(begins)) || strstr(p->path, "/../"))
		return WRONG(r, "path", "'path: %s' of actuator %s; expected '%s…'", p->path,
			     kb_actuators[p->actuator].name, begins);
	while ((at = strchr(at, '{'))) {
		size_t i = 0, len;

		end = strchr(at, '}');
		len = end ? (size_t)(end - at - 1) : 0;
		while (i < sizeof(objects) / sizeof(*objects) &&
		       (strlen(objects[i]) != len || strncmp(objects[i], at + 1, len)))
			i++;
		if (i == sizeof(objects) / sizeof(*objects))
			return WRONG(r, "path",
				     "'path: %s' names an unknown object; see "
				     "homeostat-parameters(5)",
				     p->path);
		at = end;
	}
	if (strchr(p->among, '/') || (p->among[0] && !begins[0]))
		return WRONG(r, "among", "'among: %s'; expected the name of a file beside it",
			     p->among);
	return p->actuator == KB_ETHTOOL ? check_card(r, p) : 0;
}

static int read_watch(struct reading *r, const char *text, __u64 *watch_ns)
{
	__u64 ns;

	if (!text)
		return 0;
	if (unit_parse(text, UNIT_NS, &ns) || !ns || ns > KB_WATCH_MAX_NS)
		return WRONG(r, "watch", "'watch: %s'; expected a time up to 60s", text);
	*watch_ns = ns;
	return 0;
}

static int read_moves(struct reading *r, const struct kb_parameter_text *text,
		      struct kb_parameter *p)
{
	for (unsigned int i = 0; i < text->moves_count; i++) {
		const struct kb_move_text *move = &text->moves[i];
		int vital = vital_find(move->vital);

		if (vital < 0)
			return WRONG(r, "moves", "unknown vital sign '%s'; see homeostat vitals",
				     move->vital);
		if (strcmp(move->to, "up") && strcmp(move->to, "down"))
			return WRONG(r, "moves", "'to: %s'; expected up or down", move->to);
		p->move[p->moves_nr++] =
			(struct kb_move){.vital = (__u32)vital, .up = move->to[0] == 'u'};
	}
	return 0;
}

static int check_unit(struct reading *r, const struct kb_parameter *p)
{
	bool number = p->type == KB_TYPE_NUMBER || p->type == KB_TYPE_NUMBERS;
	size_t i = 0;

	if (number != (p->unit[0] != '\0'))
		return WRONG(r, "unit",
			     number ? "a number without 'unit'; expected one"
				    : "'unit' of something that is no number; expected none");
	while (number && i < sizeof(units) / sizeof(*units) && strcmp(units[i], p->unit))
		i++;
	if (number && i == sizeof(units) / sizeof(*units))
		return WRONG(r, "unit", "unknown unit '%s'; see homeostat-parameters(5)", p->unit);
	return 0;
}

/* A range for numbers, words for a choice, and a stock value that fits. */
static int check_values(struct reading *r, const struct kb_parameter *p)
{
	/* whatever is right on some machine: a large one, for a value that stands in the file */
	static const struct kb_machine large = {.memory_bytes = 1ULL << 44, .cpus = 4096};
	bool number = p->type == KB_TYPE_NUMBER || p->type == KB_TYPE_NUMBERS;
	char why[160];

	if ((p->type == KB_TYPE_CHOICE) != (p->choices[0] != '\0'))
		return WRONG(r, "choices", "'choices' are for 'type: choice', which has some");
	if (number != (p->min.kind && p->max.kind) || (!number && (p->min.kind || p->max.kind)))
		return WRONG(r, number ? "unit" : "min",
			     number ? "a number without a range; expected 'min' and 'max'"
				    : "a range of something that is no number; expected none");
	if (number && kb_bound(p, &p->min, &large) > kb_bound(p, &p->max, &large))
		return WRONG(r, "min", "'min' is above 'max'");
	if (p->stock[0] && strcmp(p->stock, "computed") &&
	    kb_value(p, p->stock, &large, why, sizeof(why)))
		return WRONG(r, "stock", "'stock: %s': %s", p->stock, why);
	return 0;
}

static int read_parameter(struct reading *r, const struct kb_parameter_text *text,
			  struct kb_parameter *p)
{
	int actuator = word_of(r, "actuator", text->actuator, kb_actuators, KB_ACTUATOR_NR);
	int type = actuator < 0 ? -1 : word_of(r, "type", text->type, kb_types, KB_TYPE_NR);
	int timing = type < 0 ? -1 : word_of(r, "timing", text->timing, kb_timings, KB_TIMING_NR);
	__u64 risk;
	int err;

	if (timing < 0)
		return -EINVAL;
	if (parse_u64_max(text->risk, KB_RISK_MAX, &risk) || !risk)
		return WRONG(r, "risk", "'risk: %s'; expected 1 to %d", text->risk, KB_RISK_MAX);
	*p = (struct kb_parameter){
		.name = text->name,
		.path = text->path,
		.meaning = text->meaning,
		.unit = or_empty(text->unit),
		.stock = or_empty(text->stock),
		.choices = or_empty(text->choices),
		.among = or_empty(text->among),
		.restart = or_empty(text->restart),
		.warning = or_empty(text->warning),
		.source = text->source,
		.needs = or_empty(text->needs),
		.conflicts = or_empty(text->conflicts),
		.actuator = (enum kb_actuator)actuator,
		.type = (enum kb_type)type,
		.timing = (enum kb_timing)timing,
		.risk = (unsigned int)risk,
		.watch_ns = KB_WATCH_NS,
		.line = yaml_file_line(&r->yaml, PART, r->index, NULL),
	};
	if (kb_find(r->kb, p->name) != p)
		return WRONG(r, "name", "'%s' stands twice, first in line %u; expected once",
			     p->name, kb_find(r->kb, p->name)->line);
	if ((p->timing == KB_TIMING_REBOOT) != (p->actuator == KB_BOOT))
		return WRONG(r, "timing", "'timing: reboot' and 'actuator: boot' go together");
	err = read_yes(r, "netns", text->netns, &p->netns);
	if (!err)
		err = read_yes(r, "report", text->report, &p->report);
	if (!err)
		err = read_yes(r, "cuts_off", text->cuts_off, &p->cuts_off);
	if (!err)
		err = read_watch(r, text->watch, &p->watch_ns);
	if (!err)
		err = check_path(r, p);
	if (!err)
		err = check_unit(r, p);
	if (!err)
		err = read_bound(r, "min", text->min, p->unit, &p->min);
	if (!err)
		err = read_bound(r, "max", text->max, p->unit, &p->max);
	if (!err)
		err = check_values(r, p);
	return err ? err : read_moves(r, text, p);
}

/* Every name of @words is that of another parameter. */
static int check_others(struct reading *r, const char *key, const struct kb_parameter *p,
			const char *words)
{
	char name[128];
	size_t len;

	for (; *words; words += len + strspn(words + len, " ")) {
		const struct kb_parameter *other;

		len = strcspn(words, " ");
		snprintf(name, sizeof(name), "%.*s", (int)len, words);
		other = kb_find(r->kb, name);
		if (!other || other == p)
			return WRONG(r, key, "'%s' in '%s' is no other parameter", name, key);
	}
	return 0;
}

static int read_all(struct reading *r, const struct kb_text *text, struct kb *kb)
{
	int err = 0;

	kb->parameter = calloc(text->parameters_count, sizeof(*kb->parameter));
	if (!kb->parameter)
		return -ENOMEM;
	for (r->index = 0; !err && (unsigned int)r->index < text->parameters_count; r->index++) {
		kb->nr = (unsigned int)r->index + 1;
		kb->parameter[r->index].name = text->parameters[r->index].name;
		err = read_parameter(r, &text->parameters[r->index], &kb->parameter[r->index]);
	}
	for (r->index = 0; !err && (unsigned int)r->index < kb->nr; r->index++) {
		const struct kb_parameter *p = &kb->parameter[r->index];

		err = check_others(r, "needs", p, p->needs);
		if (!err)
			err = check_others(r, "conflicts", p, p->conflicts);
	}
	return err;
}

int kb_parse(struct kb *kb, const char *path, const char *text, size_t len, char *error,
	     size_t error_size)
{
	struct reading *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	error[0] = '\0';
	*kb = (struct kb){.file = r};
	if (r) {
		r->kb = kb;
		r->yaml = (struct yaml_file){.path = path,
					     .error = error,
					     .error_size = error_size,
					     .schema = &kb_schema,
					     .what = "knowledge base",
					     .form = "homeostat-parameters(5)"};
		err = yaml_file_read(&r->yaml, text, len);
	}
	if (!err)
		err = read_all(r, r->yaml.data, kb);
	if (err && !error[0])
		snprintf(error, error_size, "%s: %s", path, strerror(-err));
	if (err)
		kb_free(kb);
	return err;
}

int kb_load(struct kb *kb, const char *path, char *error, size_t error_size)
{
	char *text;
	size_t len;
	int err = yaml_file_load(path, KB_TEXT_MAX, &text, &len, error, error_size);

	*kb = (struct kb){0};
	if (err)
		return err;
	err = kb_parse(kb, path, text, len, error, error_size);
	free(text);
	return err;
}

void kb_free(struct kb *kb)
{
	struct reading *r = kb->file;

	if (r)
		yaml_file_free(&r->yaml);
	free(r);
	free(kb->parameter);
	*kb = (struct kb){0};
}

const struct kb_parameter *kb_find(const struct kb *kb, const char *name)
{
	for (unsigned int i = 0; i < kb->nr; i++) {
		if (!strcmp(kb->parameter[i].name, name))
			return &kb->parameter[i];
	}
	return NULL;
}
