/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * A YAML file of ours, its shape checked against a schema of libcyaml's; each message with file, line and what was
 * expected. No anchors, aliases or tags, no key twice, one document.
 */
#ifndef HOMEOSTAT_YAML_FILE_H
#define HOMEOSTAT_YAML_FILE_H

#include <cyaml/cyaml.h>
#include <stddef.h>
#include <yaml.h>

struct yaml_file {
	const char *path; /* for messages */
	char *error;	  /* where messages go */
	size_t error_size;
	const cyaml_schema_value_t *schema; /* a mapping, by pointer */
	const char *what;		    /* it is: "profile" */
	const char *form;	  /* where its form is written down: "homeostat-profile(5)" */
	yaml_document_t document; /* for line numbers */
	void *data;		  /* what the schema describes */
};

/* Fields of a schema that are text: MUST(type, member), or optional, MAY(type, member); TEXT: by another key. */
#define YAML_OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define YAML_TEXT(key, type, member, flags)                                                        \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, 4096)
#define YAML_MUST(type, member) YAML_TEXT(#member, type, member, 0)
#define YAML_MAY(type, member) YAML_TEXT(#member, type, member, CYAML_FLAG_OPTIONAL)

/*
 * Reads a file of at most @max bytes, a regular one: a fifo or a device must not hold up the daemon. *text is the caller's to
 * free. 0, or negative errno with `error` filled; -EFBIG: it is longer.
 */
int yaml_file_load(const char *path, size_t max, char **text, size_t *len, char *error,
		   size_t error_size);

/*
 * Parses and checks the shape: keys known, none twice, none missing, mapping where a mapping belongs,
 * not too many. 0, -EINVAL with file->error filled, or -ENOMEM. yaml_file_free() it in any case.
 */
int yaml_file_read(struct yaml_file *file, const char *text, size_t len);
void yaml_file_free(struct yaml_file *file);

/*
 * Line (from 1) of `key` in entry `index` of the sequence `part`, or of `part` itself when it is a
 * mapping (index < 0); key NULL: of the entry. A key may also be that of a mapping within the entry, "key" of any or
 * "mapping.key" of a certain one. The nearest thing that exists, else 1.
 */
unsigned int yaml_file_line(struct yaml_file *file, const char *part, int index, const char *key);

/* Writes "path:line: …" to file->error and returns -EINVAL. */
int yaml_file_wrong(struct yaml_file *file, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
