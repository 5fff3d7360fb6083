// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * libcyaml fills the C structures from a schema. Its own messages name no line for a key that
 * is missing and let a key that stands twice pass, so the same schema is first walked over libyaml's
 * document tree, which knows lines; what passes there, libcyaml loads.
 */
#include "yaml_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8 /* mappings and lists within each other; a profile has four */

int yaml_file_wrong(struct yaml_file *file, unsigned int line, const char *fmt, ...)
{
	va_list ap;
	int len;

	len = snprintf(file->error, file->error_size, "%s:%u: ", file->path, line);
	if (len < 0 || (size_t)len >= file->error_size)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(file->error + len, file->error_size - len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static unsigned int line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

static const char *scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

/* The keys that a mapping may have, for messages. */
static const char *known_keys(const cyaml_schema_field_t *fields, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (; fields->key && len < size; fields++)
		len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "", fields->key);
	return buf;
}

static int walk(struct yaml_file *file, yaml_node_t *node, const cyaml_schema_value_t *schema,
		const char *what);

/* Keys known, none twice. */
static int walk_keys(struct yaml_file *file, yaml_node_t *node, const cyaml_schema_field_t *fields,
		     const char *what)
{
	char known[256];
	yaml_node_pair_t *pair, *other;
	int err;

	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&file->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&file->document, pair->value);
		const cyaml_schema_field_t *field = fields;

		if (key->type == YAML_SCALAR_NODE && strlen(scalar(key)) != key->data.scalar.length)
			return yaml_file_wrong(file, line_of(key),
					       "a key with a NUL in %s; expected a plain name",
					       what);
		while (field->key && strcmp(field->key, scalar(key)))
			field++;
		if (!field->key)
			return yaml_file_wrong(
				file, line_of(key), "unknown key '%s' in %s; expected one of: %s",
				scalar(key), what, known_keys(fields, known, sizeof(known)));
		for (other = node->data.mapping.pairs.start; other < pair; other++) {
			yaml_node_t *first = yaml_document_get_node(&file->document, other->key);

			if (!strcmp(scalar(first), scalar(key)))
				return yaml_file_wrong(
					file, line_of(key),
					"key '%s' stands twice in %s, first in line %u; "
					"expected once",
					scalar(key), what, line_of(first));
		}
		err = walk(file, value, &field->value, field->key);
		if (err)
			return err;
	}
	return 0;
}

static int walk_mapping(struct yaml_file *file, yaml_node_t *node,
			const cyaml_schema_value_t *schema, const char *what)
{
	const cyaml_schema_field_t *field;
	yaml_node_pair_t *pair;
	int err;

	if (node->type != YAML_MAPPING_NODE) {
		char known[256];

		return yaml_file_wrong(file, line_of(node),
				       "%s is not a mapping; expected 'key: value' with keys: %s",
				       what,
				       known_keys(schema->mapping.fields, known, sizeof(known)));
	}
	err = walk_keys(file, node, schema->mapping.fields, what);
	if (err)
		return err;
	for (field = schema->mapping.fields; field->key; field++) {
		if (field->value.flags & CYAML_FLAG_OPTIONAL)
			continue;
		for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
		     pair++) {
			if (!strcmp(scalar(yaml_document_get_node(&file->document, pair->key)),
				    field->key))
				break;
		}
		if (pair == node->data.mapping.pairs.top)
			return yaml_file_wrong(file, line_of(node),
					       "%s lacks '%s'; expected '%s: …'", what, field->key,
					       field->key);
	}
	return 0;
}

static int walk_sequence(struct yaml_file *file, yaml_node_t *node,
			 const cyaml_schema_value_t *schema, const char *what)
{
	yaml_node_item_t *item;
	char entry[32];
	int err;

	if (node->type != YAML_SEQUENCE_NODE)
		return yaml_file_wrong(file, line_of(node),
				       "'%s' is not a list; expected '- { … }' for each entry",
				       what);
	/* "rules" → "rule": every name of a list is a plain plural, or none */
	snprintf(entry, sizeof(entry), "%s", what);
	if (entry[strlen(entry) - 1] == 's')
		entry[strlen(entry) - 1] = '\0';
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(&file->document, *item);

		if (item - node->data.sequence.items.start >= (long)schema->sequence.max)
			return yaml_file_wrong(file, line_of(value),
					       "too many %s; expected at most %u", what,
					       (unsigned int)schema->sequence.max);
		err = walk(file, value, schema->sequence.entry, entry);
		if (err)
			return err;
	}
	return 0;
}

static int walk(struct yaml_file *file, yaml_node_t *node, const cyaml_schema_value_t *schema,
		const char *what)
{
	switch (schema->type) {
	case CYAML_MAPPING:
		return walk_mapping(file, node, schema, what);
	case CYAML_SEQUENCE:
		return walk_sequence(file, node, schema, what);
	default:
		if (node->type != YAML_SCALAR_NODE || !node->data.scalar.length)
			return yaml_file_wrong(file, line_of(node),
					       "'%s' has no plain value; expected '%s: value'",
					       what, what);
		if (strlen(scalar(node)) != node->data.scalar.length)
			return yaml_file_wrong(file, line_of(node),
					       "'%s' holds a NUL character; expected text", what);
		return 0;
	}
}

/* One document, and its shape. */
static int check_shape(struct yaml_file *file)
{
	yaml_node_t *root = yaml_document_get_root_node(&file->document);

	if (!root)
		return yaml_file_wrong(file, 1, "the file is empty; expected '%s: …' at least",
				       file->schema->mapping.fields[0].key);
	return walk(file, root, file->schema, file->what);
}

static int not_yaml(struct yaml_file *file, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return yaml_file_wrong(file, (unsigned int)parser->problem_mark.line + 1,
			       "not YAML: %s; expected 'key: value'",
			       parser->problem ? parser->problem : "unreadable");
}

/* One event: not too deep, and nothing that stands for something else. */
static int check_event(struct yaml_file *file, const yaml_event_t *event, int *depth)
{
	const unsigned int line = (unsigned int)event->start_mark.line + 1;
	const void *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		anchor = event->data.alias.anchor;
		break;
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		++*depth;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		++*depth;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		--*depth;
		break;
	default:
		break;
	}
	if (anchor)
		return yaml_file_wrong(file, line,
				       "an anchor or alias ('%s'); expected plain values",
				       (const char *)anchor);
	if (tag)
		return yaml_file_wrong(file, line, "a tag ('%s'); expected plain values",
				       (const char *)tag);
	if (*depth > DEPTH_MAX)
		return yaml_file_wrong(file, line, "nested too deep; expected at most %d levels",
				       DEPTH_MAX);
	return 0;
}

/*
 * Before a document is built: libyaml's loader recurses and compares all anchors with each other, and
 * its scanner takes seconds for 64 KiB of brackets, as it looks at every open one for each token.
 * Events come one by one, so we can stop.
 */
static int check_events(struct yaml_file *file, const char *text, size_t len)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int depth = 0, err = 0;
	bool more = true;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (more && !err) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = not_yaml(file, &parser);
			break;
		}
		err = check_event(file, &event, &depth);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

static int load_document(struct yaml_file *file, const char *text, size_t len)
{
	yaml_document_t next;
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &file->document)) {
		err = not_yaml(file, &parser);
	} else if (yaml_parser_load(&parser, &next)) {
		yaml_node_t *root = yaml_document_get_root_node(&next);

		if (root)
			err = yaml_file_wrong(file, line_of(root),
					      "a second document; expected one in a file");
		yaml_document_delete(&next);
	} else {
		err = not_yaml(file, &parser);
	}
	yaml_parser_delete(&parser);
	return err;
}

static const cyaml_config_t *cyaml_settings(void)
{
	static const cyaml_config_t config = {
		.mem_fn = cyaml_mem,
		.log_fn = NULL,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};

	return &config;
}

/* Reads until the end, or until the buffer is full. The length, or negative errno. */
static ssize_t read_regular(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOTSUP;
	}
	while (len < size && (n = read(fd, buf + len, size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : (ssize_t)len;
}

int yaml_file_load(const char *path, size_t max, char **text, size_t *len, char *error,
		   size_t error_size)
{
	char *buf = malloc(max + 1);
	ssize_t n = buf ? read_regular(path, buf, max + 1) : -ENOMEM;

	if (n < 0)
		snprintf(error, error_size, "%s: %s; expected a readable file", path,
			 n == -ENOTSUP ? "not a regular file" : strerror((int)-n));
	else if ((size_t)n > max)
		snprintf(error, error_size, "%s:1: too long; expected at most %zu KiB", path,
			 max / 1024);
	if (n < 0 || (size_t)n > max) {
		free(buf);
		return n < 0 ? (int)n : -EFBIG;
	}
	*text = buf;
	*len = (size_t)n;
	return 0;
}

int yaml_file_read(struct yaml_file *file, const char *text, size_t len)
{
	cyaml_err_t cyaml;
	int err;

	err = check_events(file, text, len);
	if (!err)
		err = load_document(file, text, len);
	if (!err)
		err = check_shape(file);
	if (err)
		return err;
	cyaml = cyaml_load_data((const uint8_t *)text, len, cyaml_settings(), file->schema,
				&file->data, NULL);
	if (cyaml == CYAML_ERR_OOM)
		return -ENOMEM;
	if (cyaml != CYAML_OK)
		return yaml_file_wrong(file, 1, "%s; expected the form of %s",
				       cyaml_strerror(cyaml), file->form);
	return 0;
}

void yaml_file_free(struct yaml_file *file)
{
	yaml_document_delete(&file->document);
	cyaml_free(cyaml_settings(), file->schema, file->data, 0);
	file->data = NULL;
}

static yaml_node_t *member(struct yaml_file *file, yaml_node_t *node, const char *key)
{
	yaml_node_pair_t *pair;

	if (!node || !key || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		if (!strcmp(scalar(yaml_document_get_node(&file->document, pair->key)), key))
			return yaml_document_get_node(&file->document, pair->value);
	}
	return NULL;
}

/* … or of a mapping within it. */
static yaml_node_t *member_below(struct yaml_file *file, yaml_node_t *node, const char *key)
{
	yaml_node_pair_t *pair;
	yaml_node_t *found = NULL;

	if (!key || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && !found;
	     pair++)
		found = member(file, yaml_document_get_node(&file->document, pair->value), key);
	return found;
}

/* "when.for": a key of a certain mapping within. The mapping itself where it lacks the key. */
static yaml_node_t *member_of(struct yaml_file *file, yaml_node_t *node, const char *key)
{
	const char *dot = key ? strchr(key, '.') : NULL;
	yaml_node_t *mapping, *found;
	char name[32];

	if (!dot || (size_t)(dot - key) >= sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
	mapping = member(file, node, name);
	found = member(file, mapping, dot + 1);
	return found ? found : mapping;
}

unsigned int yaml_file_line(struct yaml_file *file, const char *part, int index, const char *key)
{
	yaml_node_t *node = yaml_document_get_root_node(&file->document), *next;

	if (!node)
		return 1;
	next = member(file, node, part);
	if (!next)
		return line_of(node);
	node = next;
	if (index >= 0 && node->type == YAML_SEQUENCE_NODE &&
	    index < node->data.sequence.items.top - node->data.sequence.items.start)
		node = yaml_document_get_node(&file->document,
					      node->data.sequence.items.start[index]);
	next = member(file, node, key);
	if (!next)
		next = member_of(file, node, key);
	if (!next)
		next = member_below(file, node, key);
	return line_of(next ? next : node);
}
