/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* The YAML of a knowledge base, its scalars still text. Private to kb*.c. */
#ifndef HOMEOSTAT_KB_FILE_H
#define HOMEOSTAT_KB_FILE_H

#include "yaml_file.h"

struct kb_move_text {
	char *vital, *to;
};
struct kb_parameter_text {
	char *name, *actuator, *path, *netns, *report, *meaning, *type, *unit, *choices, *min, *max,
		*stock, *timing, *risk, *watch, *cuts_off, *restart, *warning, *needs, *conflicts,
		*source, *among;
	struct kb_move_text *moves;
	unsigned int moves_count;
};
struct kb_text {
	struct kb_parameter_text *parameters;
	unsigned int parameters_count;
};

extern const cyaml_schema_value_t kb_schema;

#endif
