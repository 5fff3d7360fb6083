// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * libcyaml fills the C structures from the schema below. Its own messages name no line for a key that
 * is missing and let a key that stands twice pass, so the same schema is first walked over libyaml's
 * document tree, which knows lines; what passes there, libcyaml loads.
 */
#include "profile_file.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "profile.h"

#define PROFILE_DEPTH_MAX 8 /* mappings and lists within each other; a profile has four */

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, type, member, flags)                                                             \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, 4096)
#define MUST(type, member) TEXT(#member, type, member, 0)
#define MAY(type, member) TEXT(#member, type, member, CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t pulse_fields[] = {
	MAY(struct pulse_text, min),
	MAY(struct pulse_text, max),
	MAY(struct pulse_text, window),
	MAY(struct pulse_text, stress_wait),
	MAY(struct pulse_text, stress_switches),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t heartbeat_fields[] = {
	MUST(struct heartbeat_text, limit),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t freeze_fields[] = {
	MUST(struct freeze_text, turns),
	MUST(struct freeze_text, window),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t weights_fields[] = {
	MUST(struct weights_text, loss),
	MUST(struct weights_text, jitter),
	MUST(struct weights_text, work),
	MUST(struct weights_text, energy),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t knob_fields[] = {
	MUST(struct knob_text, name),
	MUST(struct knob_text, value),
	MAY(struct knob_text, min),
	MAY(struct knob_text, max),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t rule_fields[] = {
	MUST(struct rule_text, when),	 MUST(struct rule_text, low),
	MUST(struct rule_text, high),	 MUST(struct rule_text, knob),
	MUST(struct rule_text, kind),	 MUST(struct rule_text, up),
	MUST(struct rule_text, down),	 MAY(struct rule_text, hold),
	MAY(struct rule_text, cooldown), CYAML_FIELD_END,
};

static const cyaml_schema_field_t limit_fields[] = {
	MUST(struct limit_text, vital),
	MUST(struct limit_text, max),
	MAY(struct limit_text, windows),
	MAY(struct limit_text, times),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t slo_fields[] = {
	MAY(struct slo_text, vital),
	MAY(struct slo_text, report),
	MUST(struct slo_text, max),
	TEXT("for", struct slo_text, lasting, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t helping_fields[] = {
	MUST(struct helping_text, margin),
	MAY(struct helping_text, floor),
	TEXT("for", struct helping_text, lasting, CYAML_FLAG_OPTIONAL),
	MAY(struct helping_text, observe),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t trip_fields[] = {
	MAY(struct trip_text, rearm),
	MAY(struct trip_text, rearm_max),
	MAY(struct trip_text, trips),
	MAY(struct trip_text, window),
	MAY(struct trip_text, hook),
	MAY(struct trip_text, hook_limit),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t match_fields[] = {
	MAY(struct match_text, cgroup),
	MAY(struct match_text, comm),
	MAY(struct match_text, pid),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t workload_fields[] = {
	MUST(struct workload_text, name),
	MUST(struct workload_text, class),
	CYAML_FIELD_MAPPING_PTR("match", CYAML_FLAG_POINTER, struct workload_text, match,
				match_fields),
	MAY(struct workload_text, period),
	MAY(struct workload_text, deadline),
	MAY(struct workload_text, runtime),
	MAY(struct workload_text, cpus),
	MAY(struct workload_text, isolation),
	MAY(struct workload_text, criticality),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t steer_fields[] = {
	MUST(struct steer_text, cpus),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t interface_fields[] = {
	MUST(struct interface_text, name),
	MAY(struct interface_text, xdp),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t flow_fields[] = {
	MUST(struct flow_text, name),	  MUST(struct flow_text, class),
	MAY(struct flow_text, protocol),  MAY(struct flow_text, port),
	MAY(struct flow_text, peer_port), MAY(struct flow_text, peer),
	MAY(struct flow_text, dscp),	  MAY(struct flow_text, mark),
	MAY(struct flow_text, tcp),	  CYAML_FIELD_END,
};

static const cyaml_schema_value_t knob_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct knob_text, knob_fields),
};
static const cyaml_schema_value_t rule_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_text, rule_fields),
};
static const cyaml_schema_value_t limit_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct limit_text, limit_fields),
};
static const cyaml_schema_value_t slo_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct slo_text, slo_fields),
};
static const cyaml_schema_value_t interface_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct interface_text, interface_fields),
};
static const cyaml_schema_value_t flow_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct flow_text, flow_fields),
};
static const cyaml_schema_value_t workload_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct workload_text, workload_fields),
};

static const cyaml_schema_field_t profile_fields[] = {
	MUST(struct profile_text, name),
	MAY(struct profile_text, description),
	MAY(struct profile_text, recognise),
	CYAML_FIELD_MAPPING_PTR("pulse", OPTIONAL, struct profile_text, pulse, pulse_fields),
	CYAML_FIELD_MAPPING_PTR("heartbeat", OPTIONAL, struct profile_text, heartbeat,
				heartbeat_fields),
	CYAML_FIELD_MAPPING_PTR("freeze", OPTIONAL, struct profile_text, freeze, freeze_fields),
	CYAML_FIELD_MAPPING_PTR("weights", OPTIONAL, struct profile_text, weights, weights_fields),
	CYAML_FIELD_SEQUENCE("knobs", OPTIONAL, struct profile_text, knobs, &knob_entry, 0,
			     HS_KNOB_NR),
	CYAML_FIELD_SEQUENCE("rules", OPTIONAL, struct profile_text, rules, &rule_entry, 0,
			     HS_RULES_MAX),
	CYAML_FIELD_SEQUENCE("limits", OPTIONAL, struct profile_text, limits, &limit_entry, 0,
			     HS_LIMITS_MAX),
	CYAML_FIELD_SEQUENCE("slo", OPTIONAL, struct profile_text, slo, &slo_entry, 0,
			     PROFILE_SLOS_MAX),
	CYAML_FIELD_MAPPING_PTR("helping", OPTIONAL, struct profile_text, helping, helping_fields),
	CYAML_FIELD_MAPPING_PTR("trip", OPTIONAL, struct profile_text, trip, trip_fields),
	CYAML_FIELD_MAPPING_PTR("steer", OPTIONAL, struct profile_text, steer, steer_fields),
	CYAML_FIELD_SEQUENCE("interfaces", OPTIONAL, struct profile_text, interfaces,
			     &interface_entry, 0, PROFILE_INTERFACES_MAX),
	CYAML_FIELD_SEQUENCE("flows", OPTIONAL, struct profile_text, flows, &flow_entry, 0,
			     HS_FLOWS_MAX),
	CYAML_FIELD_SEQUENCE("workloads", OPTIONAL, struct profile_text, workloads, &workload_entry,
			     0, PROFILE_WORKLOADS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct profile_text, profile_fields),
};

int profile_file_wrong(struct profile_file *file, unsigned int line, const char *fmt, ...)
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

static int walk(struct profile_file *file, yaml_node_t *node, const cyaml_schema_value_t *schema,
		const char *what);

/* Keys known, none twice. */
static int walk_keys(struct profile_file *file, yaml_node_t *node,
		     const cyaml_schema_field_t *fields, const char *what)
{
	char known[256];
	yaml_node_pair_t *pair, *other;
	int err;

	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(&file->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(&file->document, pair->value);
		const cyaml_schema_field_t *field = fields;

		if (key->type == YAML_SCALAR_NODE && strlen(scalar(key)) != key->data.scalar.length)
			return profile_file_wrong(file, line_of(key),
						  "a key with a NUL in %s; expected a plain name",
						  what);
		while (field->key && strcmp(field->key, scalar(key)))
			field++;
		if (!field->key)
			return profile_file_wrong(
				file, line_of(key), "unknown key '%s' in %s; expected one of: %s",
				scalar(key), what, known_keys(fields, known, sizeof(known)));
		for (other = node->data.mapping.pairs.start; other < pair; other++) {
			yaml_node_t *first = yaml_document_get_node(&file->document, other->key);

			if (!strcmp(scalar(first), scalar(key)))
				return profile_file_wrong(
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

static int walk_mapping(struct profile_file *file, yaml_node_t *node,
			const cyaml_schema_value_t *schema, const char *what)
{
	const cyaml_schema_field_t *field;
	yaml_node_pair_t *pair;
	int err;

	if (node->type != YAML_MAPPING_NODE) {
		char known[256];

		return profile_file_wrong(
			file, line_of(node),
			"%s is not a mapping; expected 'key: value' with keys: %s", what,
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
			return profile_file_wrong(file, line_of(node),
						  "%s lacks '%s'; expected '%s: …'", what,
						  field->key, field->key);
	}
	return 0;
}

static int walk_sequence(struct profile_file *file, yaml_node_t *node,
			 const cyaml_schema_value_t *schema, const char *what)
{
	yaml_node_item_t *item;
	char entry[32];
	int err;

	if (node->type != YAML_SEQUENCE_NODE)
		return profile_file_wrong(file, line_of(node),
					  "'%s' is not a list; expected '- { … }' for each entry",
					  what);
	/* "rules" → "rule": every name of a list is a plain plural, or none */
	snprintf(entry, sizeof(entry), "%s", what);
	if (entry[strlen(entry) - 1] == 's')
		entry[strlen(entry) - 1] = '\0';
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		yaml_node_t *value = yaml_document_get_node(&file->document, *item);

		if (item - node->data.sequence.items.start >= (long)schema->sequence.max)
			return profile_file_wrong(file, line_of(value),
						  "too many %s; expected at most %u", what,
						  (unsigned int)schema->sequence.max);
		err = walk(file, value, schema->sequence.entry, entry);
		if (err)
			return err;
	}
	return 0;
}

static int walk(struct profile_file *file, yaml_node_t *node, const cyaml_schema_value_t *schema,
		const char *what)
{
	switch (schema->type) {
	case CYAML_MAPPING:
		return walk_mapping(file, node, schema, what);
	case CYAML_SEQUENCE:
		return walk_sequence(file, node, schema, what);
	default:
		if (node->type != YAML_SCALAR_NODE || !node->data.scalar.length)
			return profile_file_wrong(file, line_of(node),
						  "'%s' has no plain value; expected '%s: value'",
						  what, what);
		if (strlen(scalar(node)) != node->data.scalar.length)
			return profile_file_wrong(file, line_of(node),
						  "'%s' holds a NUL character; expected text",
						  what);
		return 0;
	}
}

/* One document, and its shape. */
static int check_shape(struct profile_file *file)
{
	yaml_node_t *root = yaml_document_get_root_node(&file->document);

	if (!root)
		return profile_file_wrong(file, 1,
					  "the file is empty; expected 'name: …' at least");
	return walk(file, root, &profile_schema, "profile");
}

static int not_yaml(struct profile_file *file, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return profile_file_wrong(file, (unsigned int)parser->problem_mark.line + 1,
				  "not YAML: %s; expected 'key: value'",
				  parser->problem ? parser->problem : "unreadable");
}

/* One event: not too deep, and nothing that stands for something else. */
static int check_event(struct profile_file *file, const yaml_event_t *event, int *depth)
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
		return profile_file_wrong(file, line,
					  "an anchor or alias ('%s'); expected plain values",
					  (const char *)anchor);
	if (tag)
		return profile_file_wrong(file, line, "a tag ('%s'); expected plain values",
					  (const char *)tag);
	if (*depth > PROFILE_DEPTH_MAX)
		return profile_file_wrong(file, line, "nested too deep; expected at most %d levels",
					  PROFILE_DEPTH_MAX);
	return 0;
}

/*
 * Before a document is built: libyaml's loader recurses and compares all anchors with each other, and
 * its scanner takes seconds for 64 KiB of brackets, as it looks at every open one for each token.
 * Events come one by one, so we can stop.
 */
static int check_events(struct profile_file *file, const char *text, size_t len)
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

static int load_document(struct profile_file *file, const char *text, size_t len)
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
			err = profile_file_wrong(file, line_of(root),
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

int profile_file_read(struct profile_file *file, const char *text, size_t len)
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
	cyaml = cyaml_load_data((const uint8_t *)text, len, cyaml_settings(), &profile_schema,
				(cyaml_data_t **)&file->text, NULL);
	if (cyaml == CYAML_ERR_OOM)
		return -ENOMEM;
	if (cyaml != CYAML_OK)
		return profile_file_wrong(file, 1, "%s; expected the form of homeostat-profile(5)",
					  cyaml_strerror(cyaml));
	return 0;
}

void profile_file_free(struct profile_file *file)
{
	yaml_document_delete(&file->document);
	cyaml_free(cyaml_settings(), &profile_schema, file->text, 0);
	file->text = NULL;
}

static yaml_node_t *member(struct profile_file *file, yaml_node_t *node, const char *key)
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

unsigned int profile_file_line(struct profile_file *file, const char *part, int index,
			       const char *key)
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
	if (!next) /* keys of `match` are one level down */
		next = member(file, member(file, node, "match"), key);
	return line_of(next ? next : node);
}
