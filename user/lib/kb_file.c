// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The schema of a knowledge base. */
#include "kb_file.h"

#include "kb.h"

static const cyaml_schema_field_t move_fields[] = {
	YAML_MUST(struct kb_move_text, vital),
	YAML_MUST(struct kb_move_text, to),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t move_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kb_move_text, move_fields),
};

static const cyaml_schema_field_t parameter_fields[] = {
	YAML_MUST(struct kb_parameter_text, name),
	YAML_MUST(struct kb_parameter_text, actuator),
	YAML_MUST(struct kb_parameter_text, path),
	YAML_MAY(struct kb_parameter_text, netns),
	YAML_MAY(struct kb_parameter_text, report),
	YAML_MUST(struct kb_parameter_text, meaning),
	YAML_MUST(struct kb_parameter_text, type),
	YAML_MAY(struct kb_parameter_text, unit),
	YAML_MAY(struct kb_parameter_text, choices),
	YAML_MAY(struct kb_parameter_text, among),
	YAML_MAY(struct kb_parameter_text, min),
	YAML_MAY(struct kb_parameter_text, max),
	YAML_MAY(struct kb_parameter_text, stock),
	YAML_MUST(struct kb_parameter_text, timing),
	YAML_MUST(struct kb_parameter_text, risk),
	YAML_MAY(struct kb_parameter_text, watch),
	YAML_MAY(struct kb_parameter_text, cuts_off),
	YAML_MAY(struct kb_parameter_text, restart),
	YAML_MAY(struct kb_parameter_text, warning),
	YAML_MAY(struct kb_parameter_text, needs),
	YAML_MAY(struct kb_parameter_text, conflicts),
	YAML_MUST(struct kb_parameter_text, source),
	CYAML_FIELD_SEQUENCE("moves", YAML_OPTIONAL, struct kb_parameter_text, moves, &move_entry,
			     0, KB_MOVES_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t parameter_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct kb_parameter_text, parameter_fields),
};

static const cyaml_schema_field_t kb_fields[] = {
	CYAML_FIELD_SEQUENCE("parameters", CYAML_FLAG_POINTER, struct kb_text, parameters,
			     &parameter_entry, 1, KB_PARAMETERS_MAX),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t kb_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct kb_text, kb_fields),
};
